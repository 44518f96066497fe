"""What is shown: domain values in, HTML and SVG out; knows no server, no request and no file name."""
