"""What Ceph's s3-tests need to run against a server of ours; see scripts/s3-tests.

Run as a program with the keyfront binary as its argument, it makes the accounts
and keys that the suite wants and prints the suite's configuration. Loaded by
pytest, it opens each new bucket as AWS had it before 2023, leaves out the
features that docs/s3-tests.md says we lack, and compares the failures with the
list on that page.
"""

import configparser
import json
import os
import re
import subprocess
import sys
from urllib.parse import urlsplit

import boto3

# Marks and names of the tests of features that the server does not have.
LACKING = {
    "appendobject", "auth_aws2", "bucket_logging", "bucket_logging_cleanup", "cloud_restore", "cloud_transition",
    "fails_without_logging_rollover", "lifecycle", "lifecycle_expiration", "lifecycle_transition",
    "s3select", "s3website", "s3website_redirect_location", "s3website_routing_rules",
    "sns", "storage_class", "target_by_bucket", "webidentity_test",
}
LACKING_NAMES = ("test_object_lock_",)


def main(keyfront):
    api = urlsplit(os.environ["S3TEST_API"])
    conf = configparser.RawConfigParser()
    conf["DEFAULT"] = {"host": api.hostname, "port": api.port, "is_secure": "False"}
    conf["fixtures"] = {"bucket prefix": "s3t-{random}-"}
    root = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    alt, tenant, other = (account(keyfront) for _ in range(3))
    for section, keys in {"s3 main": root, "s3 alt": alt, "s3 tenant": tenant, "iam": root, "iam root": root, "iam alt root": other}.items():
        owner = client("s3", keys).list_buckets()["Owner"]
        conf[section] = {
            "access_key": keys[0], "secret_key": keys[1], "user_id": owner["ID"],
            "display_name": owner.get("DisplayName", ""), "email": "nobody@example.com",
        }
    kms = client("kms", root)
    conf["s3 main"]["api_name"] = "us-east-1"
    conf["s3 main"]["kms_keyid"] = kms.create_key()["KeyMetadata"]["Arn"]
    conf["s3 main"]["kms_keyid2"] = kms.create_key()["KeyMetadata"]["Arn"]
    conf["s3 tenant"]["tenant"] = ""
    conf.write(sys.stdout)


def account(keyfront):
    made = configparser.ConfigParser()
    made.read_string(subprocess.run([keyfront, "account", "create"], check=True, capture_output=True, text=True).stdout)
    section = made[made.sections()[0]]
    return section["aws_access_key_id"], section["aws_secret_access_key"]


def client(service, keys):
    return boto3.client(
        service, endpoint_url=os.environ["S3TEST_API"], region_name="us-east-1",
        aws_access_key_id=keys[0], aws_secret_access_key=keys[1],
    )


# What the suite's canned ACLs allow to everybody. There are no ACLs here, so a
# policy of the bucket does it.
CANNED = {
    "public-read": ["s3:ListBucket", "s3:GetObject"],
    "public-read-write": ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
}


# Buckets without the suite's prefix, which it does not remove: tests of names that
# AWS allows and Ceph does not make them.
strays = []


def pytest_runtest_logfinish(nodeid, location):
    while strays:
        made, bucket = strays.pop()
        try:
            made.delete_bucket(Bucket=bucket)
        except made.exceptions.ClientError:
            pass  # the test has removed it


def open_new_buckets():
    """Lets policies open buckets to the public, and SSE-C, as the suite assumes."""
    make = boto3.session.Session.client

    def opening(session, service_name, *args, **kwargs):
        made = make(session, service_name, *args, **kwargs)
        if service_name != "s3":
            return made

        def remember(params, context, **_):
            context["s3tests_bucket"] = params.get("Bucket")
            if params.get("ACL") in CANNED:
                context["s3tests_actions"] = CANNED[params.pop("ACL")]

        def allow(bucket, resources, actions):
            made.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Principal": "*", "Resource": resources, "Action": actions},
            ]}))

        def opened(http_response, context, **_):
            if http_response.status_code == 200:
                bucket = context["s3tests_bucket"]
                if not bucket.startswith("s3t-"):
                    strays.append((made, bucket))
                made.delete_public_access_block(Bucket=bucket)
                made.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [{
                    "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"},
                    "BlockedEncryptionTypes": {"EncryptionType": ["NONE"]},
                }]})
                if "s3tests_actions" in context:
                    arn = "arn:aws:s3:::" + bucket
                    allow(bucket, [arn, arn + "/*"], context["s3tests_actions"])

        def opened_object(http_response, context, **_):
            if http_response.status_code == 200 and "s3tests_actions" in context:
                bucket = context["s3tests_bucket"]
                try:
                    made.get_bucket_policy(Bucket=bucket)
                except made.exceptions.ClientError as e:
                    if e.response["Error"]["Code"] == "NoSuchBucketPolicy":
                        allow(bucket, [f"arn:aws:s3:::{bucket}/*"], ["s3:GetObject"])

        # The suite cleans up past object lock, which AWS refuses where there is none.
        made.meta.events.register_first("before-parameter-build.s3.DeleteObjects", lambda params, **_: params.pop("BypassGovernanceRetention", None))
        made.meta.events.register_first("before-parameter-build.s3.CreateBucket", remember)
        made.meta.events.register_last("after-call.s3.CreateBucket", opened)
        made.meta.events.register_first("before-parameter-build.s3.PutObject", remember)
        made.meta.events.register_last("after-call.s3.PutObject", opened_object)
        return made

    boto3.session.Session.client = opening


def expected():
    with open(os.environ["S3TEST_EXPECTED"]) as page:
        return set(re.findall(r"^\| `(test_\w+)` \|", page.read(), re.M))


def pytest_configure(config):
    open_new_buckets()
    config.s3tests = {}


def pytest_collection_modifyitems(config, items):
    lacking = [i for i in items if i.name.startswith(LACKING_NAMES) or any(m.name in LACKING for m in i.iter_markers())]
    items[:] = [i for i in items if i not in lacking]
    config.hook.pytest_deselected(items=lacking)


def pytest_runtest_logreport(report):
    # A test runs in several phases, and counts as failed when one of them fails.
    name = report.nodeid.rpartition("::")[2].partition("[")[0]
    outcomes.setdefault(name, set()).add(report.outcome)


outcomes = {}


def pytest_sessionfinish(session):
    if hasattr(session.config, "workerinput"):
        return
    failed = {n for n, o in outcomes.items() if "failed" in o}
    listed = expected()
    new, cured = sorted(failed - listed), sorted((listed - failed) & outcomes.keys())
    print(f"\n{len(outcomes)} ran, {len(failed)} failed, of which {len(failed & listed)} are listed")
    for name in new:
        print(f"not listed: {name}")
    for name in cured:
        print(f"listed, and passes: {name}")
    session.exitstatus = 1 if new or cured else 0


if __name__ == "__main__":
    main(sys.argv[1])
