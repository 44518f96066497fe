from PIL import Image

from atlas.pages.files import _upright


def test_a_photo_is_cut_as_its_camera_held_it(tmp_path):
    """Boxes refer to the upright photo; a reader's own copy may lie on its side."""
    lying = Image.new("RGB", (40, 20), "blue")
    lying.paste("red", (0, 0, 20, 20))  # the left half, which is the top once turned
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90° clockwise
    lying.save(tmp_path / "photo.png", exif=exif)
    with Image.open(tmp_path / "photo.png") as image:
        upright = _upright(image)
    assert upright.size == (20, 40)
    assert upright.getpixel((10, 5)) == (255, 0, 0)
    assert upright.getpixel((10, 35)) == (0, 0, 255)
