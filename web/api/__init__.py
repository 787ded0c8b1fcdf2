"""The JSON interface below `/api/v1`, for other programs and for the live parts of the pages."""
