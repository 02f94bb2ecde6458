"""What editors and type checkers see: the names of ``scipy.spatial.transform``."""

from scipy.spatial.transform import RigidTransform as RigidTransform
from scipy.spatial.transform import Rotation as Rotation
from scipy.spatial.transform import RotationSpline as RotationSpline
from scipy.spatial.transform import Slerp as Slerp
