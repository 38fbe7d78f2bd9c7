"""Whose numerics apply where published code bases differ: one word, the same everywhere."""

from posenas.utils.checks import check_choice

#: MMPose 1.x; MMPose 0.x, on which ViPNAS and Dite-HRNet were published; and the code base of
#: HRNet, from which 0.x came and on which FPD, PoseNAS and their teachers were published. What
#: makes the last two differ, each class says.
GENERATIONS = ('1.x', '0.x', 'hrnet')


def check_generation(generation: str) -> None:
    """Require ``generation`` to be one of :data:`GENERATIONS`.

    Raises:
        ValueError: It is not.
    """
    check_choice('generation', generation, GENERATIONS)
