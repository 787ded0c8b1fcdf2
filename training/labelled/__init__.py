"""From folders and readers to labelled images in splits that never leak."""
