"""History: the revisions of each document, differences between versions, and the change feed."""
