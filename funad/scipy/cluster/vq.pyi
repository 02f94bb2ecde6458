"""What editors and type checkers see: the names of ``scipy.cluster.vq``."""

from scipy.cluster.vq import kmeans as kmeans
from scipy.cluster.vq import kmeans2 as kmeans2
from scipy.cluster.vq import vq as vq
from scipy.cluster.vq import whiten as whiten
