#!/usr/bin/env python3
"""Writes botocore.json: URLs signed by botocore's CloudFrontSigner.

Run in this folder with botocore and cryptography installed. RSA signatures are
the same in every run, ECDSA signatures are not.
"""

import datetime
import json

from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

HASHES = {"SHA1": hashes.SHA1(), "SHA256": hashes.SHA256()}
KEYS = {"rsa2048": "K1RSATESTKEY00", "p256": "K2ECDSATESTKEY"}
EXPIRES = datetime.datetime.fromtimestamp(1767290400, datetime.timezone.utc)
ACTIVE = datetime.datetime.fromtimestamp(1767200000, datetime.timezone.utc)


def signer(key, digest):
    with open(key + ".pem", "rb") as f:
        private = serialization.load_pem_private_key(f.read(), None)
    if key == "p256":
        return lambda message: private.sign(message, ec.ECDSA(HASHES[digest]))
    return lambda message: private.sign(message, padding.PKCS1v15(), HASHES[digest])


URLS = [
    "https://d111111abcdef8.cloudfront.net/image.jpg",
    "https://d111111abcdef8.cloudfront.net/a%20b.jpg?size=large&license=yes",
    "https://d111111abcdef8.cloudfront.net/a//b/./c/../d%2Fe%7E",
    "https://d111111abcdef8.cloudfront.net/a?",
    "https://d111111abcdef8.cloudfront.net/a+b%2B'c?q=1+2%20&&x",
    "http://localhost:8080/",
]

out = []
for key, key_id in KEYS.items():
    for digest in HASHES:
        cf = CloudFrontSigner(key_id, signer(key, digest))
        suffix = "" if digest == "SHA1" else "&Hash-Algorithm=SHA256"
        for url in URLS:
            signed = cf.generate_presigned_url(url, date_less_than=EXPIRES)
            out.append({"kind": "canned", "key": key, "hash": digest, "url": url, "signed": signed + suffix})
            policy = cf.build_policy(url, EXPIRES, ACTIVE, "192.0.2.0/24")
            signed = cf.generate_presigned_url(url, policy=policy)
            out.append({"kind": "custom", "key": key, "hash": digest, "url": url, "signed": signed + suffix})
        policy = cf.build_policy("http*://*.cloudfront.net/images/*", EXPIRES)
        url = "https://d111111abcdef8.cloudfront.net/images/photo.jpg?v=1"
        signed = cf.generate_presigned_url(url, policy=policy)
        out.append({"kind": "custom", "key": key, "hash": digest, "url": url, "signed": signed + suffix})

with open("botocore.json", "w") as f:
    json.dump(out, f, indent=1)
    f.write("\n")
