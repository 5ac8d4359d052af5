#!/bin/sh
# Makes the signing key pair, or removes what is kept of it. KEY is the KMS key, NAME
# the beginning of the parameters' names, ENDPOINT an address for aws, or empty.
set -eu
[ -z "${ENDPOINT:-}" ] || export AWS_ENDPOINT_URL="$ENDPOINT"
export AWS_REGION=us-east-1
case "$1" in
create)
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	aws kms generate-data-key-pair-without-plaintext --key-id "$KEY" --key-pair-spec RSA_2048 \
		--encryption-context USE=CF --query '[PublicKey,PrivateKeyCiphertextBlob]' --output text >"$dir/pair"
	cut -f1 "$dir/pair" | base64 -d | openssl pkey -pubin -inform DER -out "$dir/public.pem"
	aws ssm put-parameter --overwrite --type String --name "$NAME/public" --value "file://$dir/public.pem" >/dev/null
	aws ssm put-parameter --overwrite --type String --name "$NAME/private" --value "$(cut -f2 "$dir/pair")" >/dev/null
	;;
delete)
	aws ssm delete-parameters --names "$NAME/public" "$NAME/private" >/dev/null
	;;
esac
