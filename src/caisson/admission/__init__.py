"""Admission to Kubernetes: where a label asks for it, only pods with verified images get in, with all they need."""

from caisson.admission.certificate import ServingCertificate
from caisson.admission.cluster import Cluster, ClusterAccess
from caisson.admission.gate import Gate
from caisson.admission.inject import Needs
from caisson.admission.install import Installation, installation_files
from caisson.admission.judge import Judge
from caisson.admission.review import Decision, Review
from caisson.admission.rotation import FileCertificate, OwnCertificate
from caisson.admission.serving import serve

__all__ = [
    "Cluster",
    "ClusterAccess",
    "Decision",
    "FileCertificate",
    "Gate",
    "Installation",
    "Judge",
    "Needs",
    "OwnCertificate",
    "Review",
    "ServingCertificate",
    "installation_files",
    "serve",
]
