"""The web page: what people who read images, and those who run headct, see in a browser."""
