"""Every op by name, a file a family. An op is one record: what it does, takes, costs and calls."""

# ruff: noqa: F403  # each file says in __all__ what its ops are

from .activation import *
from .committee import *
from .conv import *
from .decision import *
from .elementwise import *
from .forest import *
from .instances import *
from .linear import *
from .motion import *
from .pools import *
from .prototypes import *
from .quadratic import *
from .recurrent import *
from .rows import *
from .sound import *
from .tree import *
from .votes import *
from .window import *
