# SPDX-License-Identifier: Apache-2.0
"""The bank's person who signs product profiles: a key of OpenSSL, the product's own command."""
import json
import os
import subprocess


def new_key(folder, name="profile-key"):
    """Private key folder/name.pem, public one folder/name.pub."""
    private, public = (os.path.join(folder, name + end) for end in (".pem", ".pub"))
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", private], check=True, capture_output=True)
    os.chmod(private, 0o600)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True, capture_output=True)
    return private, public


def sign(build, private, paths):
    done = subprocess.run([os.path.join(build, "agent/cardwright"), "profile", "sign", *paths, "--key", private],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError("the profiles cannot be signed: " + done.stdout + done.stderr)


def two_interfaces(folder):
    """two-interfaces.json: the plain debit card with a contactless path to the same records, without certificates."""
    with open(os.path.join(folder, "generic-debit.json")) as f:
        profile = json.load(f)
    by_role = {d["role"]: d for d in profile["dgis"] if d.get("role")}
    profile["name"] = "two-interfaces"
    profile["dgis"] += [{**by_role["fci"], "dgi": "9103", "role": "contactless-fci"}, {**by_role["gpo"], "dgi": "9203", "role": "contactless-gpo"}]
    with open(os.path.join(folder, "two-interfaces.json"), "w") as f:
        json.dump(profile, f)


def core_card(folder, algorithm):
    """core-aes256.json: the plain debit card with card keys of AES, cryptogram version 6 of the common core definitions."""
    with open(os.path.join(folder, "generic-debit.json")) as f:
        profile = json.load(f)
    profile["name"] = "core-" + algorithm
    for dgi in profile["dgis"]:
        if dgi["dgi"] == "9200":
            dgi["of"] = [{"tag": "9F10", "value": "0FA6" + "00" * 14 + "0F" + "00" * 15}]
        if dgi["dgi"] == "8000":
            dgi["keys"] = algorithm
    with open(os.path.join(folder, profile["name"] + ".json"), "w") as f:
        json.dump(profile, f)


def sign_all(build, private, config):
    """The profiles of all products of a configuration."""
    names = sorted({product["profile"] for product in config["products"]})
    sign(build, private, [os.path.join(config["profile_dir"], name) for name in names])
