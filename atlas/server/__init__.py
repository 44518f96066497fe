"""The app: answers requests with the pages of the site, pictures and data."""
