package identity

import (
	"context"
	"fmt"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
)

// Seed fills accounts with users, each with an access key, a policy of its own
// kind, a managed policy and a group, in one change an account.
func Seed(ctx context.Context, s *Service, accounts, users int) error {
	for a := range accounts {
		id := arn.AccountID(fmt.Sprintf("%012d", 1000+a))
		err := s.change(ctx, time.Unix(0, 0), unrecorded, func(t *txn) error {
			t.put(newAccount(id, t.now))
			g := &Group{Meta: Meta{Account: id, Name: "g", Path: "/", ID: newID("AGPA"), CreatedAt: t.now}}
			g.Inline = []InlinePolicy{{Name: "p", Text: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:Get*","Resource":"*"}}`}}
			t.put(g)
			for n := range users {
				u := &User{Meta: Meta{Account: id, Name: fmt.Sprintf("user-%d", n), Path: "/team/", ID: newID("AIDA"), CreatedAt: t.now}}
				u.Inline = []InlinePolicy{{Name: "p", Text: fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::bucket-%d/*"},{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"}]}`, n%100)}}
				u.Attached = []string{"arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"}
				u.Groups = []string{g.ID}
				u.Tags = []Tag{{Key: "team", Value: "video"}}
				t.put(u)
				t.put(s.newKey(id, u.ID, newAccessKey("AKIA"), t.now))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// AnyUserKey is the id of some user's access key in an account that Seed filled.
func AnyUserKey(s *Service) string {
	for _, k := range list[*Key](s.reg, "000000001000", "") {
		return k.Name
	}
	return ""
}

// Code is the password of a step, as RFC 6238 has it.
var Code = code

// ForgetSessions drops the tokens that were opened.
func (s *Service) ForgetSessions() {
	s.sessions.mu.Lock()
	defer s.sessions.mu.Unlock()
	s.sessions.young, s.sessions.old = nil, nil
}

// KeptChanges is how far behind a node may be before it reads everything.
const KeptChanges = keptChanges

// FlushUses brings last uses to the store at once.
func (s *Service) FlushUses(ctx context.Context) error { return s.flushUses(ctx) }
