package keyring_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/keyring"
)

func TestCreate(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	before := w.clock.Now().Truncate(time.Millisecond)
	m := must[keyring.Metadata](t)(r.Create(t.Context(), root(), keyring.CreateInput{Description: "d"}))
	want := keyring.Metadata{
		ID: m.ID, ARN: keyARN(m.ID), Account: account, Created: m.Created, Description: "d",
		Spec: keyring.Symmetric, Usage: keyring.EncryptDecrypt, Algorithms: []keyring.Algorithm{keyring.AlgSymmetric},
		State: keyring.Enabled, Origin: keyring.FromKMS, Manager: keyring.Customer, MaterialID: m.MaterialID,
	}
	if fmt.Sprint(m) != fmt.Sprint(want) || len(m.ID) != 36 || len(m.MaterialID) != 64 || m.Created.Before(before) {
		t.Errorf("Create = %+v, want %+v", m, want)
	}
	rec := w.recorder.Last()
	if rec.Action != "kms:CreateKey" || !slices.Contains(rec.Resources, m.ARN) || rec.Error != "" {
		t.Errorf("Create is recorded as %+v", rec)
	}
	// Another ring on the store, and the same one, describe it alike.
	for _, ring := range []*keyring.Ring{r, w.open()} {
		for _, ref := range []string{m.ARN, string(m.ID)} {
			got := must[keyring.Metadata](t)(ring.Describe(t.Context(), root(), keyring.Use{Key: ref}))
			if fmt.Sprint(got) != fmt.Sprint(m) {
				t.Errorf("Describe(%s) = %+v, want %+v", ref, got, m)
			}
		}
	}
	if text := must[string](t)(r.Policy(t.Context(), root(), m.ARN, "")); text != `{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}]}` {
		t.Errorf("default policy = %s", text)
	}
}

func TestCreateErrors(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	for _, tt := range []struct {
		name    string
		in      keyring.CreateInput
		kind    error
		message string
	}{
		{"no usage", keyring.CreateInput{Spec: keyring.RSA2048}, keyring.ErrInvalid, "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."},
		{"no usage for HMAC", keyring.CreateInput{Spec: keyring.HMAC256}, keyring.ErrInvalid, "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."},
		{"wrong usage", keyring.CreateInput{Spec: keyring.RSA2048, Usage: keyring.KeyAgreement}, keyring.ErrInvalid, "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048"},
		{"wrong usage of symmetric", keyring.CreateInput{Usage: keyring.SignVerify}, keyring.ErrInvalid, "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT"},
		{"unknown spec", keyring.CreateInput{Spec: "SM2", Usage: keyring.SignVerify}, keyring.ErrUnsupported, "KeySpec SM2 is not supported."},
		{"no JSON", keyring.CreateInput{Policy: "{"}, keyring.ErrMalformedPolicy, ""},
		{"policy too long", keyring.CreateInput{Policy: strings.Repeat(" ", 32769)}, keyring.ErrLimit, "The key policy is longer than 32768 bytes."},
		{"lock-out", keyring.CreateInput{Policy: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:Encrypt","Resource":"*"}}`}, keyring.ErrMalformedPolicy, "The new key policy will not allow you to update the key policy in the future."},
		{"tags twice", keyring.CreateInput{Tags: []keyring.Tag{{Key: "a"}, {Key: "a"}}}, keyring.ErrTag, "Duplicate tag keys"},
		{"reserved tag", keyring.CreateInput{Tags: []keyring.Tag{{Key: "AWS:a"}}}, keyring.ErrTag, "Tags beginning with aws: are reserved"},
		{"51 tags", keyring.CreateInput{Tags: tags(51)}, keyring.ErrTag, "Too many tags"},
	} {
		_, err := r.Create(t.Context(), root(), tt.in)
		if tt.name == "no JSON" { // the sentence is the policy package's
			if !errors.Is(err, keyring.ErrMalformedPolicy) {
				t.Errorf("%s = %v", tt.name, err)
			}
			continue
		}
		wantError(t, tt.name, err, tt.kind, tt.message)
	}
	if got := must[keyring.Listing[keyring.KeyName]](t)(r.Keys(t.Context(), root(), keyring.Page{})); len(got.Items) != 0 {
		t.Errorf("refused keys are there: %v", got.Items)
	}
	if _, err := r.Create(t.Context(), w.user(account, "nobody", ""), keyring.CreateInput{}); !errors.Is(err, access.ErrDenied) {
		t.Errorf("Create by nobody = %v", err)
	}
	// The lock-out check can be waived, and tags need their own permission.
	must[keyring.Metadata](t)(r.Create(t.Context(), root(), keyring.CreateInput{BypassLockout: true, Policy: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"kms:Encrypt","Resource":"*"}}`}))
	maker := w.user(account, "maker", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["kms:CreateKey","kms:PutKeyPolicy"],"Resource":"*"}}`)
	must[keyring.Metadata](t)(r.Create(t.Context(), maker, keyring.CreateInput{}))
	if _, err := r.Create(t.Context(), maker, keyring.CreateInput{Tags: tags(1)}); !errors.Is(err, access.ErrDenied) {
		t.Errorf("Create with tags, without kms:TagResource = %v", err)
	}
}

// A region is what the caller signed; it must not break the names of records.
func TestCreateNeedsARegion(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	for _, region := range []string{"", "eu/west", "EU", strings.Repeat("a", 33), "eu west"} {
		who := root()
		who.Region = region
		if _, err := r.Create(t.Context(), who, keyring.CreateInput{}); !errors.Is(err, keyring.ErrInvalid) {
			t.Errorf("Create in region %q = %v, want ErrInvalid", region, err)
		}
	}
	nobody := root()
	nobody.Principal.Account = ""
	if _, err := r.ManagedKey(t.Context(), nobody, "s3"); !errors.Is(err, keyring.ErrInvalid) {
		t.Errorf("ManagedKey without an account = %v", err)
	}
	w.open()
}

func tags(n int) (out []keyring.Tag) {
	for i := range n {
		out = append(out, keyring.Tag{Key: fmt.Sprintf("k%02d", i), Value: "v"})
	}
	return out
}

func TestAliases(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	a, b := create(t, r, keyring.Symmetric, ""), create(t, r, keyring.Symmetric, "")
	signing := create(t, r, keyring.P256, keyring.SignVerify)
	rsaEncryption, rsaSigning := create(t, r, keyring.RSA2048, keyring.EncryptDecrypt), create(t, r, keyring.RSA2048, keyring.SignVerify)
	if err := r.CreateAlias(t.Context(), root(), "alias/one", a.ARN); err != nil {
		t.Fatal(err)
	}
	if err := r.CreateAlias(t.Context(), root(), "alias/rsa", rsaEncryption.ARN); err != nil {
		t.Fatal(err)
	}
	const oneARN = "arn:aws:kms:eu-west-1:111122223333:alias/one"
	for _, tt := range []struct {
		name, alias, ref string
		kind             error
		message          string
	}{
		{"no prefix", "one", a.ARN, keyring.ErrInvalid, `Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html`},
		{"no name", "alias/", a.ARN, keyring.ErrInvalid, "Invalid identifier"},
		{"reserved", "alias/aws/mine", a.ARN, keyring.ErrReserved, ""},
		{"colon", "alias/a:b", a.ARN, keyring.ErrInvalid, "alias/a:b contains invalid characters for an alias"},
		{"taken", "alias/one", b.ARN, keyring.ErrExists, "An alias with the name " + oneARN + " already exists"},
		{"to an alias", "alias/two", "alias/one", keyring.ErrInvalid, "Aliases must refer to keys. Not aliases"},
		{"to an alias's ARN", "alias/two", oneARN, keyring.ErrInvalid, "Aliases must refer to keys. Not aliases"},
		{"to nothing", "alias/two", unknownID, keyring.ErrNotFound, "Key 'arn:aws:kms:eu-west-1:111122223333:key/" + unknownID + "' does not exist"},
	} {
		wantError(t, tt.name, r.CreateAlias(t.Context(), root(), tt.alias, tt.ref), tt.kind, tt.message)
	}
	for _, ref := range []string{"alias/one", oneARN} {
		if m := must[keyring.Metadata](t)(r.Describe(t.Context(), root(), keyring.Use{Key: ref})); m.ID != a.ID {
			t.Errorf("Describe(%s) = %s, want %s", ref, m.ID, a.ID)
		}
		// Management wants the key itself.
		wantError(t, "Disable("+ref+")", r.Disable(t.Context(), root(), ref), keyring.ErrNotFound, "Invalid keyId '"+ref+"'")
	}

	wantError(t, "MoveAlias of none", r.MoveAlias(t.Context(), root(), "alias/none", b.ARN), keyring.ErrNotFound, "Alias arn:aws:kms:eu-west-1:111122223333:alias/none is not found.")
	wantError(t, "MoveAlias to another kind", r.MoveAlias(t.Context(), root(), "alias/one", signing.ARN), keyring.ErrInvalid,
		"Alias "+oneARN+" cannot be changed from a CMK with key type SYMMETRIC to a CMK with key type ASYMMETRIC. The key type of the current CMK and the new CMK must be the same.")
	wantError(t, "MoveAlias to another usage", r.MoveAlias(t.Context(), root(), "alias/rsa", rsaSigning.ARN), keyring.ErrInvalid,
		"Alias arn:aws:kms:eu-west-1:111122223333:alias/rsa cannot be changed from a CMK with key usage ENCRYPT_DECRYPT to a CMK with key usage SIGN_VERIFY. The key usage of the current CMK and the new CMK must be the same.")
	for range 2 { // moving to where it is changes nothing
		if err := r.MoveAlias(t.Context(), root(), "alias/one", b.ARN); err != nil {
			t.Fatal(err)
		}
		for _, ring := range []*keyring.Ring{r, w.open()} {
			if m := must[keyring.Metadata](t)(ring.Describe(t.Context(), root(), keyring.Use{Key: "alias/one"})); m.ID != b.ID {
				t.Errorf("after the move alias/one is %s, want %s", m.ID, b.ID)
			}
		}
	}
	if got := must[keyring.Listing[keyring.Alias]](t)(r.Aliases(t.Context(), root(), a.ARN, keyring.Page{})); len(got.Items) != 0 {
		t.Errorf("the old key still has %v", got.Items)
	}
	got := must[keyring.Listing[keyring.Alias]](t)(r.Aliases(t.Context(), root(), string(b.ID), keyring.Page{}))
	if len(got.Items) != 1 || got.Items[0].Name != "alias/one" || got.Items[0].ARN != oneARN || got.Items[0].Target != b.ID || got.Items[0].Created.IsZero() || got.Items[0].Updated.IsZero() {
		t.Errorf("Aliases of the new key = %+v", got)
	}
	if err := r.DeleteAlias(t.Context(), root(), "alias/one"); err != nil {
		t.Fatal(err)
	}
	wantError(t, "DeleteAlias again", r.DeleteAlias(t.Context(), root(), "alias/one"), keyring.ErrNotFound, "Alias "+oneARN+" is not found.")
	if _, err := r.Describe(t.Context(), root(), keyring.Use{Key: "alias/one"}); !errors.Is(err, keyring.ErrNotFound) {
		t.Errorf("a deleted alias still works: %v", err)
	}
	if err := r.CreateAlias(t.Context(), root(), "alias/one", a.ARN); err != nil {
		t.Errorf("the name is not free again: %v", err)
	}
	for i := range keyring.MaxAliasesPerKey - 1 {
		if err := r.CreateAlias(t.Context(), root(), fmt.Sprint("alias/n", i), a.ARN); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.CreateAlias(t.Context(), root(), "alias/too-many", a.ARN); !errors.Is(err, keyring.ErrLimit) {
		t.Errorf("alias 51 = %v, want ErrLimit", err)
	}

	// Permission is needed on the alias and on the key.
	for _, resource := range []string{oneARN + "*", a.ARN} {
		who := w.user(account, "half", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"`+resource+`"}}`)
		if err := r.CreateAlias(t.Context(), who, "alias/one-more", b.ARN); !errors.Is(err, access.ErrDenied) {
			t.Errorf("CreateAlias with permission on %s only = %v", resource, err)
		}
	}
}

// Each of the two keys is decided about by its own tags.
func TestMoveAliasAsksAboutEachKeysTags(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	who := w.user(account, "u", `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"kms:UpdateAlias","Resource":"arn:aws:kms:*:*:alias/*"},
		{"Effect":"Allow","Action":"kms:UpdateAlias","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"blue"}}}]}`)
	create := func(alias string, tags ...keyring.Tag) string {
		t.Helper()
		k, err := r.Create(t.Context(), root(), keyring.CreateInput{Tags: tags})
		if err != nil {
			t.Fatal(err)
		}
		if err := r.CreateAlias(t.Context(), root(), alias, k.ARN); err != nil {
			t.Fatal(err)
		}
		return k.ARN
	}
	blue := keyring.Tag{Key: "team", Value: "blue"}
	first, second, plain := create("alias/first", blue), create("alias/second", blue), create("alias/plain")
	for _, tt := range []struct {
		alias, to string
		want      error
	}{
		{"alias/first", plain, access.ErrDenied},
		{"alias/plain", first, access.ErrDenied},
		{"alias/first", second, nil},
	} {
		if err := r.MoveAlias(t.Context(), who, tt.alias, tt.to); !errors.Is(err, tt.want) {
			t.Errorf("MoveAlias(%s, %s) = %v, want %v", tt.alias, tt.to, err, tt.want)
		}
	}
}

func TestKeyPolicy(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := create(t, r, keyring.Symmetric, "")
	alice := w.user(account, "alice", "")
	if _, err := r.Encrypt(t.Context(), alice, keyring.Use{Key: m.ARN}, []byte("x")); !errors.Is(err, access.ErrDenied) {
		t.Errorf("Encrypt before = %v, want denied", err)
	}
	text := `{ "Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "kms:*", "Resource": "*"},
		{"Effect": "Allow", "Principal": {"AWS": "` + alice.Principal.ARN + `"}, "Action": "kms:Encrypt", "Resource": "*",
		 "Condition": {"StringEquals": {"kms:EncryptionContext:dept": "hr", "kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT", "kms:CallerAccount": "111122223333", "kms:KeySpec": "SYMMETRIC_DEFAULT"},
		 "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["dept", "who"]}}}]}`
	if err := r.SetPolicy(t.Context(), root(), m.ARN, keyring.PolicyName, text, false); err != nil {
		t.Fatal(err)
	}
	for _, ring := range []*keyring.Ring{r, w.open()} {
		if got := must[string](t)(ring.Policy(t.Context(), root(), m.ARN, keyring.PolicyName)); got != text {
			t.Errorf("Policy = %s\nwant %s", got, text)
		}
		for _, tt := range []struct {
			bind    map[string]string
			allowed bool
		}{
			{map[string]string{"dept": "hr"}, true},
			{map[string]string{"dept": "hr", "who": "me"}, true},
			{map[string]string{"dept": "hr", "what": "me"}, false},
			{map[string]string{"dept": "it"}, false},
			{nil, false},
		} {
			_, err := ring.Encrypt(t.Context(), alice, keyring.Use{Key: m.ARN, Context: tt.bind}, []byte("x"))
			if tt.allowed != (err == nil) {
				t.Errorf("Encrypt with %v = %v, want allowed %v", tt.bind, err, tt.allowed)
			}
		}
	}
	wantError(t, "policy of another name", second(r.Policy(t.Context(), root(), m.ARN, "mine")), keyring.ErrNotFound, "No such policy exists")
	wantError(t, "putting another name", r.SetPolicy(t.Context(), root(), m.ARN, "mine", text, false), keyring.ErrNotFound, "No such policy exists")
	wantError(t, "locking out", r.SetPolicy(t.Context(), root(), m.ARN, "", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:Encrypt","Resource":"*"}}`, false),
		keyring.ErrMalformedPolicy, "The new key policy will not allow you to update the key policy in the future.")
	for _, bad := range []string{"", "[]", `{"Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}`, `{"Nonsense":1}`} {
		if err := r.SetPolicy(t.Context(), root(), m.ARN, "", bad, false); !errors.Is(err, keyring.ErrMalformedPolicy) {
			t.Errorf("SetPolicy(%s) = %v, want ErrMalformedPolicy", bad, err)
		}
	}
	if got := must[string](t)(r.Policy(t.Context(), root(), m.ARN, "")); got != text {
		t.Errorf("a refused policy changed it to %s", got)
	}
	names := must[keyring.Listing[string]](t)(r.PolicyNames(t.Context(), root(), m.ARN, keyring.Page{}))
	if !slices.Equal(names.Items, []string{"default"}) || names.Next != "" {
		t.Errorf("PolicyNames = %v", names)
	}
}

func TestCrossAccount(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := create(t, r, keyring.Symmetric, "")
	eve := w.user(other, "eve", allowAll)
	use := keyring.Use{Key: m.ARN}
	missing := keyring.Use{Key: keyARN(unknownID)}
	_, denied := r.Encrypt(t.Context(), eve, use, []byte("x"))
	_, absent := r.Encrypt(t.Context(), eve, missing, []byte("x"))
	if !errors.Is(denied, access.ErrDenied) || !errors.Is(absent, access.ErrDenied) ||
		strings.ReplaceAll(denied.Error(), string(m.ID), unknownID) != absent.Error() {
		t.Errorf("a stranger can tell a key from none:\n%v\n%v", denied, absent)
	}
	policy := `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"},
		{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"kms:*","Resource":"*"}]}`
	if err := r.SetPolicy(t.Context(), root(), m.ARN, "", policy, false); err != nil {
		t.Fatal(err)
	}
	out, err := r.Encrypt(t.Context(), eve, use, []byte("x"))
	if err != nil {
		t.Fatalf("Encrypt across accounts = %v", err)
	}
	if _, err := r.Decrypt(t.Context(), eve, keyring.Use{}, out.Blob); err != nil {
		t.Errorf("Decrypt across accounts = %v", err)
	}
	// A bare id means a key of the caller's own account.
	wantError(t, "bare id", second(r.Encrypt(t.Context(), eve, keyring.Use{Key: string(m.ID)}, []byte("x"))), keyring.ErrNotFound,
		"Key 'arn:aws:kms:eu-west-1:444455556666:key/"+string(m.ID)+"' does not exist")
	// Management stays at home, whatever the policy says.
	if err := r.Disable(t.Context(), eve, m.ARN); !errors.Is(err, access.ErrDenied) {
		t.Errorf("Disable across accounts = %v, want denied", err)
	}
}

func TestListing(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	var want []string
	for i := range 5 {
		m := create(t, r, keyring.Symmetric, "")
		want = append(want, string(m.ID))
		if err := r.CreateAlias(t.Context(), root(), fmt.Sprint("alias/n", i), m.ARN); err != nil {
			t.Fatal(err)
		}
	}
	must[keyring.Metadata](t)(r.Create(t.Context(), rootOf(other), keyring.CreateInput{}))
	slices.Sort(want)

	var got []string
	page := keyring.Page{Limit: 2}
	var first string
	for n := 1; ; n++ {
		l := must[keyring.Listing[keyring.KeyName]](t)(r.Keys(t.Context(), root(), page))
		for _, k := range l.Items {
			if k.ARN != keyARN(k.ID) {
				t.Errorf("Keys has %+v", k)
			}
			got = append(got, string(k.ID))
		}
		if l.Next == "" {
			if n != 3 {
				t.Errorf("%d pages, want 3", n)
			}
			break
		}
		page.Marker = l.Next
		if first == "" {
			first = l.Next
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("Keys = %v, want %v", got, want)
	}
	aliases := must[keyring.Listing[keyring.Alias]](t)(r.Aliases(t.Context(), root(), "", keyring.Page{Limit: 3}))
	more := must[keyring.Listing[keyring.Alias]](t)(r.Aliases(t.Context(), root(), "", keyring.Page{Limit: 3, Marker: aliases.Next}))
	if len(aliases.Items) != 3 || len(more.Items) != 2 || more.Next != "" || more.Items[1].Name != "alias/n4" {
		t.Errorf("Aliases = %+v, then %+v", aliases, more)
	}

	// A marker works where it came from, and nowhere else.
	for name, try := range map[string]func() error{
		"made up":         func() error { return second(r.Keys(t.Context(), root(), keyring.Page{Marker: "AAAA"})) },
		"no base64":       func() error { return second(r.Keys(t.Context(), root(), keyring.Page{Marker: "!"})) },
		"another listing": func() error { return second(r.Aliases(t.Context(), root(), "", keyring.Page{Marker: first})) },
		"another account": func() error { return second(r.Keys(t.Context(), rootOf(other), keyring.Page{Marker: first})) },
		"another filter": func() error {
			return second(r.Aliases(t.Context(), root(), want[0], keyring.Page{Marker: aliases.Next}))
		},
	} {
		if err := try(); !errors.Is(err, keyring.ErrInvalidMarker) {
			t.Errorf("marker of %s = %v, want ErrInvalidMarker", name, err)
		}
	}
	wantError(t, "limit too high", second(r.Aliases(t.Context(), root(), "", keyring.Page{Limit: 101})), keyring.ErrInvalid,
		"1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 100")
	wantError(t, "limit too low", second(r.Keys(t.Context(), root(), keyring.Page{Limit: -1})), keyring.ErrInvalid,
		"1 validation error detected: Value '-1' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1")
}

func TestTags(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := create(t, r, keyring.Symmetric, "")
	if err := r.Tag(t.Context(), root(), m.ARN, tags(49)); err != nil {
		t.Fatal(err)
	}
	if err := r.Tag(t.Context(), root(), m.ARN, []keyring.Tag{{Key: "k00", Value: "new"}, {Key: "last", Value: ""}}); err != nil {
		t.Fatal(err)
	}
	wantError(t, "tag 51", r.Tag(t.Context(), root(), m.ARN, []keyring.Tag{{Key: "more"}}), keyring.ErrTag, "Too many tags")
	if err := r.Untag(t.Context(), root(), m.ARN, []string{"k01", "absent"}); err != nil {
		t.Fatal(err)
	}
	first := must[keyring.Listing[keyring.Tag]](t)(r.Tags(t.Context(), root(), m.ARN, keyring.Page{Limit: 48}))
	rest := must[keyring.Listing[keyring.Tag]](t)(w.open().Tags(t.Context(), root(), m.ARN, keyring.Page{Marker: first.Next}))
	all := append(first.Items, rest.Items...)
	if len(all) != 49 || all[0] != (keyring.Tag{Key: "k00", Value: "new"}) || all[1].Key != "k02" || all[48].Key != "last" || rest.Next != "" {
		t.Errorf("Tags = %v", all)
	}
	// A page goes on behind a tag that has gone since, and others before it.
	page := must[keyring.Listing[keyring.Tag]](t)(r.Tags(t.Context(), root(), m.ARN, keyring.Page{Limit: 10}))
	if err := r.Untag(t.Context(), root(), m.ARN, []string{page.Items[3].Key, page.Items[9].Key}); err != nil {
		t.Fatal(err)
	}
	if rest := must[keyring.Listing[keyring.Tag]](t)(r.Tags(t.Context(), root(), m.ARN, keyring.Page{Marker: page.Next})).Items; len(rest) != 39 || rest[0] != all[10] {
		t.Errorf("behind a tag that is gone: %v, want what comes after %v", rest, all[10])
	}
	// Policies see them.
	who := w.user(account, "tagged", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:Encrypt","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/k00":"new"}}}}`)
	if _, err := r.Encrypt(t.Context(), who, keyring.Use{Key: m.ARN}, []byte("x")); err != nil {
		t.Errorf("Encrypt by tag = %v", err)
	}
	if err := r.Untag(t.Context(), root(), m.ARN, []string{"k00"}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Encrypt(t.Context(), who, keyring.Use{Key: m.ARN}, []byte("x")); !errors.Is(err, access.ErrDenied) {
		t.Errorf("Encrypt without the tag = %v", err)
	}
}

// Keys named by an alias carry it into the decision.
func TestRequestAlias(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	m := create(t, r, keyring.Symmetric, "")
	if err := r.CreateAlias(t.Context(), root(), "alias/app", m.ARN); err != nil {
		t.Fatal(err)
	}
	for condition, want := range map[string]map[string]bool{
		`"StringEquals":{"kms:RequestAlias":"alias/app"}`:                          {"alias/app": true, m.ARN: false},
		`"ForAnyValue:StringEquals":{"kms:ResourceAliases":["alias/app"]}`:         {"alias/app": true, m.ARN: true},
		`"ForAnyValue:StringEquals":{"kms:ResourceAliases":["alias/another-app"]}`: {"alias/app": false, m.ARN: false},
	} {
		who := w.user(account, "app", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:Encrypt","Resource":"*","Condition":{`+condition+`}}}`)
		for ref, allowed := range want {
			_, err := r.Encrypt(t.Context(), who, keyring.Use{Key: ref}, []byte("x"))
			if allowed != (err == nil) {
				t.Errorf("%s with %s = %v, want allowed %v", ref, condition, err, allowed)
			}
		}
	}
}

func TestMaxKeys(t *testing.T) {
	w := newWorld(t)
	w.maxKeys = 2
	r := w.open()
	must[string](t)(r.ManagedKey(t.Context(), root(), "s3"))
	create(t, r, keyring.Symmetric, "")
	m := create(t, r, keyring.Symmetric, "")
	for _, ring := range []*keyring.Ring{r, w.open()} {
		_, err := ring.Create(t.Context(), root(), keyring.CreateInput{})
		wantError(t, "the third key", err, keyring.ErrLimit, "The account 111122223333 has 2 keys in eu-west-1, which is the limit.")
		must[keyring.Metadata](t)(ring.Create(t.Context(), there(), keyring.CreateInput{}))
	}
	must[keyring.Deletion](t)(r.ScheduleDeletion(t.Context(), root(), m.ARN, 7))
	w.clock.Advance(8 * day)
	if err := keyring.DoDue(r, t.Context()); err != nil {
		t.Fatal(err)
	}
	create(t, r, keyring.Symmetric, "")
}
