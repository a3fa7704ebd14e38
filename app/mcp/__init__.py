"""Tools for assistants (Model Context Protocol): a few questions of the API, answered shortly."""
