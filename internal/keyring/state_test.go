package keyring_test

import (
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/keyring"
)

// stateTable restates "Key states of AWS KMS keys" of the KMS Developer Guide:
// the columns Enabled, Disabled, PendingDeletion, PendingImport, Unavailable,
// Creating, Updating; Y, or the number of the footnote that forbids. Footnotes
// about the origin of the key (6, 7, 9) are no matter of its state and read Y;
// - is Y or 11, since it cannot occur; U is unsupported.
const stateTable = `
CancelKeyDeletion                    4 4 Y 4 4 4 4
CreateAlias                          Y Y 3 Y Y Y Y
CreateGrant                          Y 1 3 5 Y 14 Y
Decapsulate                          Y 1 3 5 - 14 Y
Encapsulate                          Y 1 3 5 - 14 Y
Decrypt                              Y 1 3 5 11 14 Y
Encrypt                              Y 1 3 5 11 14 Y
ReEncrypt                            Y 1 3 5 11 14 Y
ReEncryptFrom                        Y 1 3 5 11 14 Y
ReEncryptTo                          Y 1 3 5 11 14 Y
GenerateDataKey                      Y 1 3 5 11 14 Y
GenerateDataKeyPair                  Y 1 3 5 11 14 Y
GenerateDataKeyPairWithoutPlaintext  Y 1 3 5 11 14 Y
GenerateDataKeyWithoutPlaintext      Y 1 3 5 11 14 Y
DeleteAlias                          Y Y Y Y Y Y Y
DeleteImportedKeyMaterial            Y Y Y Y - 14 15
DescribeKey                          Y Y Y Y Y Y Y
GetKeyPolicy                         Y Y Y Y Y Y Y
ListAliases                          Y Y Y Y Y Y Y
ListGrants                           Y Y Y Y Y Y Y
ListKeyPolicies                      Y Y Y Y Y Y Y
ListResourceTags                     Y Y Y Y Y Y Y
PutKeyPolicy                         Y Y Y Y Y Y Y
RetireGrant                          Y Y Y Y Y Y Y
RevokeGrant                          Y Y Y Y Y Y Y
GetKeyLastUsage                      Y Y Y Y Y Y Y
DisableKey                           Y Y 3 5 Y 14 15
EnableKey                            Y Y 3 5 Y 14 15
EnableKeyRotation                    Y 1 3 Y Y 14 Y
DisableKeyRotation                   Y 1 3 Y Y 14 Y
GetKeyRotationStatus                 Y Y Y Y Y Y Y
RotateKeyOnDemand                    Y 1 3 5 U 14 15
ListKeyRotations                     Y Y Y Y U Y Y
GetParametersForImport               Y Y 3 Y Y 14 15
ImportKeyMaterial                    Y Y 3 Y Y 14 Y
GenerateMac                          Y 1 3 5 - 14 Y
VerifyMac                            Y 1 3 5 - 14 Y
Sign                                 Y 1 3 5 - 14 Y
Verify                               Y 1 3 5 - 14 Y
GetPublicKey                         Y 1 3 5 - 14 Y
DeriveSharedSecret                   Y 1 3 5 - 14 Y
ReplicateKey                         Y 1 3 5 - 14 15
UpdatePrimaryRegion                  Y 1 3 5 - 14 Y
ScheduleKeyDeletion                  Y Y 3 Y Y Y 15
TagResource                          Y Y 3 Y Y Y Y
UntagResource                        Y Y 3 Y Y Y Y
UpdateKeyDescription                 Y Y 3 Y Y Y Y
UpdateAlias                          Y Y 3 Y Y Y Y
`

func TestStateTable(t *testing.T) {
	const key = "arn:aws:kms:eu-west-1:111122223333:key/" + unknownID
	footnotes := map[string]struct {
		kind error
		text string
	}{
		"1":  {keyring.ErrDisabled, key + " is disabled."},
		"3":  {keyring.ErrInvalidState, key + " is pending deletion."},
		"3r": {keyring.ErrInvalidState, key + " is pending replica deletion."},
		"4":  {keyring.ErrInvalidState, key + " is not pending deletion."},
		"5":  {keyring.ErrInvalidState, key + " is pending import."},
		"11": {keyring.ErrInvalidState, key + " is unavailable."},
		"14": {keyring.ErrInvalidState, key + " is creating."},
		"15": {keyring.ErrInvalidState, key + " is updating."},
		"U":  {keyring.ErrUnsupported, ""},
	}
	columns := []keyring.State{
		keyring.Enabled, keyring.Disabled, keyring.PendingDeletion, keyring.PendingImport,
		keyring.Unavailable, keyring.Creating, keyring.Updating,
	}
	check := func(name string, state keyring.State, want string) {
		err := keyring.CheckState(name, key, state)
		switch {
		case want == "Y":
			if err != nil {
				t.Errorf("%s in %s = %v, want none", name, state, err)
			}
		case want == "-" && err == nil:
		case want == "-":
			wantError(t, name+" in "+string(state), err, footnotes["11"].kind, footnotes["11"].text)
		default:
			wantError(t, name+" in "+string(state), err, footnotes[want].kind, footnotes[want].text)
		}
	}
	seen := make(map[string]bool)
	for line := range strings.Lines(strings.TrimSpace(stateTable)) {
		f := strings.Fields(line)
		name, cells := f[0], f[1:]
		seen[name] = true
		for i, state := range columns {
			check(name, state, cells[i])
		}
		if cells[2] == "3" {
			check(name, keyring.PendingReplicaDeletion, "3r")
		} else {
			check(name, keyring.PendingReplicaDeletion, cells[2])
		}
	}
	for _, name := range keyring.OperationNames() {
		if !seen[name] {
			t.Errorf("%s has no row here", name)
		}
	}
}
