"""A window that shows frames as they are looked at."""

import os
import sys
from types import TracebackType

import cv2
import numpy as np

from posenas.utils import ConfigError

#: Keys that close the window: q and Escape.
_QUIT = (ord('q'), 27)


class LiveWindow:
    """A window of the desktop; leaving the context closes it.

    Args:
        title: Of the window.

    Raises:
        ConfigError: There is no screen, or OpenCV was built without windows.
    """

    def __init__(self, title: str) -> None:
        self.title = title
        try:
            if sys.platform == 'linux' and not {'DISPLAY', 'WAYLAND_DISPLAY'} & os.environ.keys():
                raise cv2.error('there is no display')  # without one it ends the process
            cv2.namedWindow(title, cv2.WINDOW_NORMAL)
        except cv2.error as error:
            raise ConfigError(
                'a window needs a screen and opencv-python, not its headless form, got no '
                'window: leave out --show; pictures are also written to the folder'
            ) from error

    def __enter__(self) -> 'LiveWindow':
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        cv2.destroyWindow(self.title)

    def show(self, picture: np.ndarray, wait_time: float = 0.001) -> bool:
        """Show a picture (H, W, 3) RGB.

        Args:
            picture: The picture.
            wait_time: Seconds to wait for a key; 0 waits until one comes.

        Returns:
            Whether the user wants more.
        """
        cv2.imshow(self.title, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        if cv2.waitKey(round(1000 * wait_time)) & 0xFF in _QUIT:
            return False
        return cv2.getWindowProperty(self.title, cv2.WND_PROP_VISIBLE) > 0
