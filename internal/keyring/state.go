package keyring

import (
	"strings"

	"github.com/keyfront-project/keyfront/internal/policy"
)

// State is where a key stands in its life, in the words of KMS.
type State string

// The states of a key.
const (
	Enabled                State = "Enabled"
	Disabled               State = "Disabled"
	PendingDeletion        State = "PendingDeletion"
	PendingReplicaDeletion State = "PendingReplicaDeletion"
	PendingImport          State = "PendingImport"
	Unavailable            State = "Unavailable"
	Creating               State = "Creating"
	Updating               State = "Updating"
)

// operation is one thing that a caller can do to a key. It is an index into
// operations.
type operation uint8

const (
	opCancelKeyDeletion operation = iota
	opCreateAlias
	opCreateGrant
	opDecapsulate
	opDecrypt
	opDeleteAlias
	opDeleteImportedKeyMaterial
	opDeriveSharedSecret
	opDescribeKey
	opDisableKey
	opDisableKeyRotation
	opEnableKey
	opEnableKeyRotation
	opEncapsulate
	opEncrypt
	opGenerateDataKey
	opGenerateDataKeyPair
	opGenerateDataKeyPairWithoutPlaintext
	opGenerateDataKeyWithoutPlaintext
	opGenerateMac
	opGetKeyLastUsage
	opGetKeyPolicy
	opGetKeyRotationStatus
	opGetParametersForImport
	opGetPublicKey
	opImportKeyMaterial
	opListAliases
	opListGrants
	opListKeyPolicies
	opListKeyRotations
	opListResourceTags
	opPutKeyPolicy
	opReEncrypt
	opReEncryptFrom
	opReEncryptTo
	opReplicateKey
	opRetireGrant
	opRevokeGrant
	opRotateKeyOnDemand
	opScheduleKeyDeletion
	opSign
	opTagResource
	opUntagResource
	opUpdateAlias
	opUpdateKeyDescription
	opUpdatePrimaryRegion
	opVerify
	opVerifyMac
)

// A verdict is what a state says to an operation: a footnote of the table "Key
// states of AWS KMS keys" in the KMS Developer Guide.
type verdict uint8

const (
	y                  verdict = iota // the operation goes on
	isDisabled                        // footnote 1
	isPendingDeletion                 // footnotes 2 and 3
	notPendingDeletion                // footnote 4
	isPendingImport                   // footnote 5
	isUnavailable                     // footnote 11
	isCreating                        // footnote 14
	isUpdating                        // footnote 15
	isUnsupported                     // the operation makes no sense on such a key
)

// states is what each state says. Both pending deletions share a column.
type states struct {
	enabled, disabled, pendingDeletion, pendingImport, unavailable, creating, updating verdict
}

// Flags of an operation.
type opFlags uint8

const (
	// byAlias operations take an alias where the others want an id or ARN.
	byAlias opFlags = 1 << iota
	// crossAccount operations may be allowed to callers of other accounts.
	crossAccount
)

type operationInfo struct {
	action policy.Action
	flags  opFlags
	states states
}

// name is the operation's name on the wire. ReEncrypt has two actions.
func (o operationInfo) name() string {
	name := strings.TrimPrefix(string(o.action), "kms:")
	if strings.HasPrefix(name, "ReEncrypt") {
		return "ReEncrypt"
	}
	return name
}

// Rows that several operations share.
var (
	always      = states{y, y, y, y, y, y, y}
	using       = states{y, isDisabled, isPendingDeletion, isPendingImport, isUnavailable, isCreating, y}
	annotation  = states{y, y, isPendingDeletion, y, y, y, y}
	onOff       = states{y, y, isPendingDeletion, isPendingImport, y, isCreating, isUpdating}
	autoRotate  = states{y, isDisabled, isPendingDeletion, y, y, isCreating, y}
	replication = states{y, isDisabled, isPendingDeletion, isPendingImport, isUnavailable, isCreating, isUpdating}
)

// operations is the table of what is possible in which state. What depends on
// the key's origin (footnotes 6, 7 and 9) is asked afterwards, by the operation.
var operations = [...]operationInfo{
	opCancelKeyDeletion:                   {"kms:CancelKeyDeletion", 0, states{notPendingDeletion, notPendingDeletion, y, notPendingDeletion, notPendingDeletion, notPendingDeletion, notPendingDeletion}},
	opCreateAlias:                         {"kms:CreateAlias", 0, annotation},
	opCreateGrant:                         {"kms:CreateGrant", crossAccount, states{y, isDisabled, isPendingDeletion, isPendingImport, y, isCreating, y}},
	opDecapsulate:                         {"kms:Decapsulate", byAlias | crossAccount, using},
	opDecrypt:                             {"kms:Decrypt", byAlias | crossAccount, using},
	opDeleteAlias:                         {"kms:DeleteAlias", 0, always},
	opDeleteImportedKeyMaterial:           {"kms:DeleteImportedKeyMaterial", 0, states{y, y, y, y, y, isCreating, isUpdating}},
	opDeriveSharedSecret:                  {"kms:DeriveSharedSecret", byAlias | crossAccount, using},
	opDescribeKey:                         {"kms:DescribeKey", byAlias | crossAccount, always},
	opDisableKey:                          {"kms:DisableKey", 0, onOff},
	opDisableKeyRotation:                  {"kms:DisableKeyRotation", 0, autoRotate},
	opEnableKey:                           {"kms:EnableKey", 0, onOff},
	opEnableKeyRotation:                   {"kms:EnableKeyRotation", 0, autoRotate},
	opEncapsulate:                         {"kms:Encapsulate", byAlias | crossAccount, using},
	opEncrypt:                             {"kms:Encrypt", byAlias | crossAccount, using},
	opGenerateDataKey:                     {"kms:GenerateDataKey", byAlias | crossAccount, using},
	opGenerateDataKeyPair:                 {"kms:GenerateDataKeyPair", byAlias | crossAccount, using},
	opGenerateDataKeyPairWithoutPlaintext: {"kms:GenerateDataKeyPairWithoutPlaintext", byAlias | crossAccount, using},
	opGenerateDataKeyWithoutPlaintext:     {"kms:GenerateDataKeyWithoutPlaintext", byAlias | crossAccount, using},
	opGenerateMac:                         {"kms:GenerateMac", byAlias | crossAccount, using},
	opGetKeyLastUsage:                     {"kms:GetKeyLastUsage", 0, always},
	opGetKeyPolicy:                        {"kms:GetKeyPolicy", 0, always},
	opGetKeyRotationStatus:                {"kms:GetKeyRotationStatus", crossAccount, always},
	opGetParametersForImport:              {"kms:GetParametersForImport", 0, states{y, y, isPendingDeletion, y, y, isCreating, isUpdating}},
	opGetPublicKey:                        {"kms:GetPublicKey", byAlias | crossAccount, using},
	opImportKeyMaterial:                   {"kms:ImportKeyMaterial", 0, states{y, y, isPendingDeletion, y, y, isCreating, y}},
	opListAliases:                         {"kms:ListAliases", 0, always},
	opListGrants:                          {"kms:ListGrants", crossAccount, always},
	opListKeyPolicies:                     {"kms:ListKeyPolicies", 0, always},
	opListKeyRotations:                    {"kms:ListKeyRotations", 0, states{y, y, y, y, isUnsupported, y, y}},
	opListResourceTags:                    {"kms:ListResourceTags", 0, always},
	opPutKeyPolicy:                        {"kms:PutKeyPolicy", 0, always},
	opReEncrypt:                           {"kms:ReEncrypt", byAlias | crossAccount, using},
	opReEncryptFrom:                       {"kms:ReEncryptFrom", byAlias | crossAccount, using},
	opReEncryptTo:                         {"kms:ReEncryptTo", byAlias | crossAccount, using},
	opReplicateKey:                        {"kms:ReplicateKey", 0, replication},
	opRetireGrant:                         {"kms:RetireGrant", crossAccount, always},
	opRevokeGrant:                         {"kms:RevokeGrant", crossAccount, always},
	opRotateKeyOnDemand:                   {"kms:RotateKeyOnDemand", 0, states{y, isDisabled, isPendingDeletion, isPendingImport, isUnsupported, isCreating, isUpdating}},
	opScheduleKeyDeletion:                 {"kms:ScheduleKeyDeletion", 0, states{y, y, isPendingDeletion, y, y, y, isUpdating}},
	opSign:                                {"kms:Sign", byAlias | crossAccount, using},
	opTagResource:                         {"kms:TagResource", 0, annotation},
	opUntagResource:                       {"kms:UntagResource", 0, annotation},
	opUpdateAlias:                         {"kms:UpdateAlias", 0, annotation},
	opUpdateKeyDescription:                {"kms:UpdateKeyDescription", 0, annotation},
	opUpdatePrimaryRegion:                 {"kms:UpdatePrimaryRegion", 0, using},
	opVerify:                              {"kms:Verify", byAlias | crossAccount, using},
	opVerifyMac:                           {"kms:VerifyMac", byAlias | crossAccount, using},
}

// at is what the row says in state s. An unknown state allows nothing.
func (row states) at(s State) verdict {
	switch s {
	case Enabled:
		return row.enabled
	case Disabled:
		return row.disabled
	case PendingDeletion, PendingReplicaDeletion:
		return row.pendingDeletion
	case PendingImport:
		return row.pendingImport
	case Creating:
		return row.creating
	case Updating:
		return row.updating
	default:
		return row.unavailable
	}
}

// checkState says whether op is possible on the key of this ARN in state s.
func checkState(op operation, keyARN string, s State) error {
	switch operations[op].states.at(s) {
	case y:
		return nil
	case isDisabled:
		return fail(ErrDisabled, "%s is disabled.", keyARN)
	case isPendingDeletion:
		if s == PendingReplicaDeletion {
			return fail(ErrInvalidState, "%s is pending replica deletion.", keyARN)
		}
		return fail(ErrInvalidState, "%s is pending deletion.", keyARN)
	case notPendingDeletion:
		return fail(ErrInvalidState, "%s is not pending deletion.", keyARN)
	case isPendingImport:
		return fail(ErrInvalidState, "%s is pending import.", keyARN)
	case isCreating:
		return fail(ErrInvalidState, "%s is creating.", keyARN)
	case isUpdating:
		return fail(ErrInvalidState, "%s is updating.", keyARN)
	case isUnsupported:
		return fail(ErrUnsupported, "")
	default:
		return fail(ErrInvalidState, "%s is unavailable.", keyARN)
	}
}
