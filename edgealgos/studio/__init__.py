"""The studio: a local web page from recordings or a table to a sketch; a thin room around what the commands do."""
