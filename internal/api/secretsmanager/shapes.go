package secretsmanager

import "time"

// The shapes of the service.

// A tag's value is a pointer, since an empty one is sent too.
type tag struct {
	Key   string
	Value *string
}

// choice is one of a few words; an empty one is none of them.
type choice string

type filter struct {
	Key    choice
	Values []string
}

type rotationRules struct {
	AutomaticallyAfterDays *int64
	Duration               string
	ScheduleExpression     string
}

// named is the answer of operations that change a secret.
type named struct {
	ARN       string
	Name      string
	VersionId string
}

type (
	createInput struct {
		AddReplicaRegions           []struct{}
		ClientRequestToken          string
		Description                 string
		ForceOverwriteReplicaSecret *bool
		KmsKeyId                    string
		Name                        string
		SecretBinary                []byte
		SecretString                *string
		Tags                        []tag
		Type                        string
	}

	getInput struct {
		SecretId     string
		VersionId    *string
		VersionStage *string
	}
	value struct {
		ARN           string
		CreatedDate   *time.Time
		Name          string
		SecretBinary  []byte
		SecretString  *string
		VersionId     string
		VersionStages []string
	}

	batchInput struct {
		Filters      []filter
		MaxResults   *int32
		NextToken    string
		SecretIdList []string
	}
	batchOutput struct {
		Errors       []batchError
		NextToken    string
		SecretValues []value
	}
	batchError struct {
		ErrorCode string
		Message   string
		SecretId  string
	}

	putInput struct {
		ClientRequestToken string
		RotationToken      string
		SecretBinary       []byte
		SecretId           string
		SecretString       *string
		VersionStages      []string
	}
	putOutput struct {
		ARN           string
		Name          string
		VersionId     string
		VersionStages []string
	}

	updateInput struct {
		ClientRequestToken string
		Description        *string
		KmsKeyId           *string
		SecretBinary       []byte
		SecretId           string
		SecretString       *string
		Type               string
	}

	idInput struct{ SecretId string }

	describeOutput struct {
		ARN                string
		CreatedDate        *time.Time
		DeletedDate        *time.Time
		Description        string
		KmsKeyId           string
		LastAccessedDate   *time.Time
		LastChangedDate    *time.Time
		LastRotatedDate    *time.Time
		Name               string
		NextRotationDate   *time.Time
		RotationEnabled    *bool
		RotationLambdaARN  string
		RotationRules      *rotationRules
		Tags               []tag
		VersionIdsToStages map[string][]string
	}

	listInput struct {
		Filters                []filter
		IncludePlannedDeletion *bool
		MaxResults             *int32
		NextToken              string
		SortBy                 choice
		SortOrder              choice
	}
	listed struct {
		ARN                    string
		CreatedDate            *time.Time
		DeletedDate            *time.Time
		Description            string
		KmsKeyId               string
		LastAccessedDate       *time.Time
		LastChangedDate        *time.Time
		LastRotatedDate        *time.Time
		Name                   string
		NextRotationDate       *time.Time
		RotationEnabled        *bool
		RotationLambdaARN      string
		RotationRules          *rotationRules
		SecretVersionsToStages map[string][]string
		Tags                   []tag
	}
	listOutput struct {
		NextToken  string
		SecretList []listed
	}

	versionsInput struct {
		IncludeDeprecated *bool
		MaxResults        *int32
		NextToken         string
		SecretId          string
	}
	versionsOutput struct {
		ARN       string
		Name      string
		NextToken string
		Versions  []version
	}
	version struct {
		CreatedDate      *time.Time
		KmsKeyIds        []string
		LastAccessedDate *time.Time
		VersionId        string
		VersionStages    []string
	}

	deleteInput struct {
		ForceDeleteWithoutRecovery *bool
		RecoveryWindowInDays       *int64
		SecretId                   string
	}
	deleteOutput struct {
		ARN          string
		DeletionDate *time.Time
		Name         string
	}

	stageInput struct {
		MoveToVersionId     *string
		RemoveFromVersionId *string
		SecretId            string
		VersionStage        string
	}

	tagInput struct {
		SecretId string
		Tags     []tag
	}
	untagInput struct {
		SecretId string
		TagKeys  []string
	}
	nothing struct{}

	policyInput struct {
		BlockPublicPolicy *bool
		ResourcePolicy    string
		SecretId          string
	}
	policyOutput struct {
		ARN            string
		Name           string
		ResourcePolicy string
	}
	validateOutput struct {
		PolicyValidationPassed bool
		ValidationErrors       []validationError
	}
	validationError struct {
		CheckName    string
		ErrorMessage string
	}

	passwordInput struct {
		ExcludeCharacters       string
		ExcludeLowercase        *bool
		ExcludeNumbers          *bool
		ExcludePunctuation      *bool
		ExcludeUppercase        *bool
		IncludeSpace            *bool
		PasswordLength          *int64
		RequireEachIncludedType *bool
	}
	passwordOutput struct{ RandomPassword string }

	rotateInput struct {
		ClientRequestToken             string
		ExternalSecretRotationMetadata []struct{}
		ExternalSecretRotationRoleArn  string
		RotateImmediately              *bool
		RotationLambdaARN              string
		RotationRules                  *rotationRules
		SecretId                       string
	}
)
