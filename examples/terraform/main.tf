# A private bucket behind a distribution that lets in only holders of signed URLs,
# with the signing key's private half encrypted under a KMS key, and a function that
# signs. It applies to AWS as it is, and to Keyfront with
# -var endpoint=http://127.0.0.1:4566.

terraform {
  required_version = ">= 1.4"
  required_providers {
    aws = { source = "hashicorp/aws", version = "~> 5.100" }
  }
}

variable "endpoint" {
  description = "Address of Keyfront's API; empty for AWS."
  default     = ""
}

variable "name" {
  description = "Name of the bucket, and of all that goes with it."
  default     = "films"
}

provider "aws" {
  region            = "us-east-1"
  s3_use_path_style = true
  endpoints {
    cloudfront = var.endpoint
    iam        = var.endpoint
    kms        = var.endpoint
    lambda     = var.endpoint
    s3         = var.endpoint
    ssm        = var.endpoint
    sts        = var.endpoint
  }
}

data "aws_caller_identity" "me" {}

locals {
  root      = "arn:aws:iam::${data.aws_caller_identity.me.account_id}:root"
  pair_name = "/${var.name}/signing-key"
}

# One key encrypts the objects and the private half of the signing key. CloudFront
# may open objects for this distribution alone; the signing key opens only under its
# own encryption context.
resource "aws_kms_key" "content" {
  description             = "${var.name}: objects and the signing key"
  deletion_window_in_days = 7
  enable_key_rotation     = true
}

resource "aws_kms_key_policy" "content" {
  key_id = aws_kms_key.content.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Owner", Effect = "Allow", Principal = { AWS = local.root }, Action = "kms:*", Resource = "*" },
      {
        Sid       = "Distribution", Effect = "Allow", Principal = { Service = "cloudfront.amazonaws.com" }, Action = "kms:Decrypt", Resource = "*"
        Condition = { StringEquals = { "aws:SourceArn" = aws_cloudfront_distribution.content.arn } }
      },
    ]
  })
}

resource "aws_s3_bucket" "content" {
  bucket = var.name
}

resource "aws_s3_bucket_server_side_encryption_configuration" "content" {
  bucket = aws_s3_bucket.content.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.content.arn
    }
    bucket_key_enabled = true
  }
}

resource "aws_s3_bucket_policy" "content" {
  bucket = aws_s3_bucket.content.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow", Principal = { Service = "cloudfront.amazonaws.com" }, Action = "s3:GetObject", Resource = "${aws_s3_bucket.content.arn}/*"
      Condition = { StringEquals = { "aws:SourceArn" = aws_cloudfront_distribution.content.arn } }
    }]
  })
}

# The key service makes the signing key and never shows its private half: the script
# keeps the encrypted half and the PEM that CloudFront wants as parameters.
resource "terraform_data" "pair" {
  input = { key = aws_kms_key.content.arn, name = local.pair_name, endpoint = var.endpoint }

  provisioner "local-exec" {
    command     = "${path.module}/pair.sh create"
    environment = { KEY = self.input.key, NAME = self.input.name, ENDPOINT = self.input.endpoint }
  }
  provisioner "local-exec" {
    when        = destroy
    command     = "${path.module}/pair.sh delete"
    environment = { NAME = self.input.name, ENDPOINT = self.input.endpoint }
  }
}

data "aws_ssm_parameter" "public_key" {
  name       = "${local.pair_name}/public"
  depends_on = [terraform_data.pair]
}

resource "aws_cloudfront_public_key" "signing" {
  name        = var.name
  encoded_key = "${trimspace(nonsensitive(data.aws_ssm_parameter.public_key.value))}\n"
}

resource "aws_cloudfront_key_group" "signing" {
  name  = var.name
  items = [aws_cloudfront_public_key.signing.id]
}

resource "aws_cloudfront_origin_access_control" "content" {
  name                              = var.name
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

data "aws_cloudfront_cache_policy" "optimized" {
  name = "Managed-CachingOptimized"
}

resource "aws_cloudfront_distribution" "content" {
  enabled             = true
  default_root_object = "index.html"

  origin {
    origin_id                = "content"
    domain_name              = aws_s3_bucket.content.bucket_regional_domain_name
    origin_access_control_id = aws_cloudfront_origin_access_control.content.id
  }

  default_cache_behavior {
    target_origin_id       = "content"
    viewer_protocol_policy = var.endpoint == "" ? "redirect-to-https" : "allow-all"
    allowed_methods        = ["GET", "HEAD"]
    cached_methods         = ["GET", "HEAD"]
    cache_policy_id        = data.aws_cloudfront_cache_policy.optimized.id
    compress               = true
    trusted_key_groups     = [aws_cloudfront_key_group.signing.id]
  }

  restrictions {
    geo_restriction { restriction_type = "none" }
  }

  viewer_certificate { cloudfront_default_certificate = true }
}

# The signer makes signed URLs. It can open the private half of the signing key, and
# nothing else that is encrypted under the same key: its policy asks for the
# encryption context.
resource "aws_iam_role" "signer" {
  name = "${var.name}-signer"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = "lambda.amazonaws.com" }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "signer" {
  name = "signing-key"
  role = aws_iam_role.signer.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow", Action = "kms:Decrypt", Resource = aws_kms_key.content.arn
      Condition = { StringEquals = { "kms:EncryptionContext:USE" = "CF" } }
    }]
  })
}

data "aws_ssm_parameter" "private_key" {
  name       = "${local.pair_name}/private"
  depends_on = [terraform_data.pair]
}

resource "aws_lambda_function" "signer" {
  function_name    = "${var.name}-signer"
  role             = aws_iam_role.signer.arn
  runtime          = "nodejs22.x"
  handler          = "index.handler"
  filename         = "${path.module}/signer.zip"
  source_code_hash = filebase64sha256("${path.module}/signer.zip")
  environment {
    variables = {
      KEY_PAIR_ID = aws_cloudfront_public_key.signing.id
      PRIVATE_KEY = nonsensitive(data.aws_ssm_parameter.private_key.value) # encrypted
    }
  }
}

output "domain" { value = aws_cloudfront_distribution.content.domain_name }
output "key_pair_id" { value = aws_cloudfront_public_key.signing.id }
output "signer" { value = aws_lambda_function.signer.function_name }
output "signing_key" {
  description = "Name of the parameter with the encrypted private half."
  value       = "${local.pair_name}/private"
}
