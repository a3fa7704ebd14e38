"""What readers take along: the brief of a pair on one page, and pictures to embed elsewhere."""
