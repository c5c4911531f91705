"""Run by `helm test` in the operator's image: is the operator ready, and does it answer as itself to proxies?"""

import os
import socket
import ssl
import sys
from urllib.request import urlopen

from cryptography import x509

xds, peers = os.environ["XDS"], os.environ["PEERS"]

with urlopen(f"http://{peers}:8080/readyz", timeout=10) as answer:
    sys.stdout.write(f"{peers}: ready, says {answer.status}\n")

# Who it is, is looked at below: its authority is in a Secret together with its key, and belongs in no other pod.
context = ssl.create_default_context()
context.check_hostname = False
context.verify_mode = ssl.CERT_NONE
context.set_alpn_protocols(["h2"])
with socket.create_connection((xds, 18000), timeout=10) as plain, context.wrap_socket(plain) as secure:
    shown = secure.getpeercert(binary_form=True)
certificate = x509.load_der_x509_certificate(shown or b"")
names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
if xds not in names.get_values_for_type(x509.DNSName):
    sys.exit(f"{xds}: the certificate is for {names}")
sys.stdout.write(f"{xds}: TLS with a certificate for {xds}\n")
