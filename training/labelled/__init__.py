"""From folders and readers to labelled images in parts that never leak."""
