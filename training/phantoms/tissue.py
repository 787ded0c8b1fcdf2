"""How dense the parts of a head are, in Hounsfield units (HU).

White matter is 20 to 30, grey matter 37 to 45, clotted blood 40 to 90, bone 700 to 3000:
http://radclass.mudr.org/content/hounsfield-units-scale-hu-ct-numbers
The other values are typical of unenhanced head CT; in a brain window (0..80) fat is as black as air.
"""

AIR = -1000.0
FAT = -95.0
SKIN = 40.0
MUSCLE = 56.0
CARTILAGE = 60.0
BONE = 1000.0
SPONGY_BONE = 420.0
ENAMEL = 2200.0
METAL = 3000.0
CALCIFICATION = 260.0
WHITE_MATTER = 27.0
GREY_MATTER = 36.0
CEREBROSPINAL_FLUID = 7.0
VITREOUS = 9.0
LENS = 85.0
FALX = 47.0
PLASTIC = 110.0
