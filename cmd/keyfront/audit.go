package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/audit/merkle"
	"github.com/keyfront-project/keyfront/internal/server"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Check that no record was changed, removed, added or cut off."`
	Prove  auditProveCmd  `cmd:"" help:"Prove that a record is in the log, or that the log has all that an earlier checkpoint had."`
	Search auditSearchCmd `cmd:"" help:"Find records by key, principal, outcome, action and time."`
	Tail   auditTailCmd   `cmd:"" help:"Print the newest records."`
	Begin  auditBeginCmd  `cmd:"" help:"Begin a new log where the old one is lost."`
}

// auditFolder says where the log is.
type auditFolder struct {
	DataDir  string `help:"Data folder of the server, which may be running: ./keyfront-data." default:"./keyfront-data" env:"KEYFRONT_DATA_DIR" placeholder:"DIR"`
	AuditDir string `help:"A copy of the audit folder alone, instead of --data-dir." placeholder:"DIR"`
}

func (f *auditFolder) path() string {
	if f.AuditDir != "" {
		return f.AuditDir
	}
	return filepath.Join(f.DataDir, server.AuditFolder)
}

// What to do where a folder is not the one that was meant.
const (
	hintDataFolder  = "--data-dir is the folder that keyfront serve uses, with its root-key file"
	hintAuditFolder = "--data-dir is the folder that keyfront serve uses, --audit-dir a copy of its audit folder"
)

// checkpointVerifier reads the public key of checkpoints: the key itself, or the
// name of a file that has it.
func checkpointVerifier(keyOrFile string) (note.Verifier, error) {
	if !strings.Contains(keyOrFile, "+") {
		text, err := os.ReadFile(keyOrFile)
		if err != nil {
			return nil, hinted{err, "the server keeps its public key in audit/" + server.CheckpointKeyFile}
		}
		keyOrFile = string(text)
	}
	v, err := note.NewVerifier(strings.TrimSpace(keyOrFile))
	if err != nil {
		return nil, hinted{err, "give the line of audit/" + server.CheckpointKeyFile + ", or the name of a copy of that file"}
	}
	return v, nil
}

type auditVerifyCmd struct {
	auditFolder
	RootPassphraseFrom string `help:"Where the root key's passphrase comes from: prompt, env or file:NAME." env:"KEYFRONT_ROOT_PASSPHRASE_FROM" placeholder:"SOURCE"`
	PublicKey          string `help:"Check with this key alone, or the file that has it, against the signed checkpoint. Needs no root key." placeholder:"KEY"`
	Checkpoint         string `help:"An earlier checkpoint, kept elsewhere, that the log must contain." type:"existingfile" placeholder:"FILE"`
	Proof              string `help:"Check a proof that keyfront audit prove made, and no log." type:"existingfile" placeholder:"FILE"`
	JSON               bool   `name:"json" help:"Print the result as JSON."`
}

// Run reads the log without touching it.
func (c *auditVerifyCmd) Run(ctx context.Context, e env) error {
	switch {
	case c.Proof != "":
		return c.checkProof(e)
	case c.PublicKey != "":
		return c.checkCheckpoint(ctx, e)
	case c.Checkpoint != "" || c.AuditDir != "":
		return hinted{fmt.Errorf("%w: --checkpoint and --audit-dir need --public-key", errUsage), "the server keeps its public key in audit/" + server.CheckpointKeyFile}
	}
	roots, err := server.RootKeySource(c.DataDir, passphrase(e, c.RootPassphraseFrom)).Load(ctx)
	if err != nil {
		return hinted{err, hintDataFolder}
	}
	keys, err := server.AuditHeadKeys(roots)
	if err != nil {
		return err
	}
	return c.chain(ctx, e, keys)
}

// chain checks the chain of hashes, and with keys where it ends.
func (c *auditVerifyCmd) chain(ctx context.Context, e env, keys [][]byte) error {
	report, err := audit.Verify(ctx, c.path(), keys)
	switch {
	case errors.Is(err, audit.ErrTampered):
		return hinted{err, "compare with a copy of the folder; records before the named one are intact"}
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return hinted{err, hintAuditFolder}
	}
	if c.JSON {
		return json.NewEncoder(e.stdout).Encode(report)
	}
	fmt.Fprintf(e.stdout, "intact: %d records in %d files, last hash %s\n", report.Records, report.Files, report.Last)
	switch {
	case report.First > 1 && keys != nil:
		fmt.Fprintf(e.stderr, "keyfront: the records 1 to %d are archived and were removed from here\n", report.First-1)
	case report.First > 1:
		tellMissing(e, report.First)
	}
	if report.TornBytes > 0 {
		fmt.Fprintf(e.stderr, "keyfront: the last %d bytes are a record that is being written, or that a crash tore\n", report.TornBytes)
	}
	if report.Unsealed > 0 {
		fmt.Fprintf(e.stderr, "keyfront: the last %d records are newer than the sealed end of the log: a server is writing, a power loss came before the seal, or somebody added them\n", report.Unsealed)
	}
	return nil
}

// checkCheckpoint checks the log against its checkpoint, and an earlier one.
func (c *auditVerifyCmd) checkCheckpoint(ctx context.Context, e env) error {
	key, err := checkpointVerifier(c.PublicKey)
	if err != nil {
		return err
	}
	view, err := merkle.OpenView(c.path(), key)
	if err != nil {
		return hinted{err, hintAuditFolder}
	}
	defer view.Close()
	var earlier []merkle.Checkpoint
	if c.Checkpoint != "" {
		signed, err := os.ReadFile(c.Checkpoint)
		if err != nil {
			return err
		}
		old, err := merkle.OpenCheckpoint(signed, key)
		if err != nil {
			return err
		}
		earlier = append(earlier, old)
	}
	if err := view.Verify(ctx, earlier...); err != nil {
		return hinted{err, "compare with a copy of the folder from before"}
	}
	if err := c.chain(ctx, e, nil); err != nil {
		return err
	}
	if !c.JSON {
		fmt.Fprintf(e.stdout, "signed: the first %d records\n", view.Checkpoint.Size)
	}
	return nil
}

func (c *auditVerifyCmd) checkProof(e env) error {
	key, err := checkpointVerifier(c.PublicKey)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(c.Proof)
	if err != nil {
		return err
	}
	var p merkle.Proof
	if err := json.Unmarshal(text, &p); err != nil {
		return fmt.Errorf("%s is no proof: %w", c.Proof, err)
	}
	checkpoint, err := p.Check(key)
	if err != nil {
		return err
	}
	if p.Record != "" {
		fmt.Fprintln(e.stdout, p.Record)
		fmt.Fprintf(e.stderr, "keyfront: this is record %d of the %d that were signed\n", p.Seq, checkpoint.Size)
		return nil
	}
	fmt.Fprintf(e.stdout, "consistent: the %d records that were signed begin with those of the earlier checkpoint\n", checkpoint.Size)
	return nil
}

type auditProveCmd struct {
	auditFolder
	PublicKey string `help:"Public key of the checkpoints, or the file that has it. Default: the one in the audit folder; a copy of an archive has none." placeholder:"KEY"`
	Record    int64  `help:"Number of the record." xor:"what" required:"" placeholder:"SEQ"`
	Since     string `help:"An earlier checkpoint." xor:"what" required:"" type:"existingfile" placeholder:"FILE"`
}

// Run prints the proof as JSON.
func (c *auditProveCmd) Run(_ context.Context, e env) error {
	if c.PublicKey == "" {
		c.PublicKey = filepath.Join(c.path(), server.CheckpointKeyFile)
	}
	key, err := checkpointVerifier(c.PublicKey)
	if err != nil {
		return err
	}
	view, err := merkle.OpenView(c.path(), key)
	if err != nil {
		return hinted{err, hintAuditFolder}
	}
	defer view.Close()
	var p *merkle.Proof
	if c.Since != "" {
		signed, rerr := os.ReadFile(c.Since)
		if rerr != nil {
			return rerr
		}
		p, err = view.ProveSince(signed, key)
	} else {
		p, err = view.Prove(c.Record)
	}
	switch {
	case c.Record > view.Checkpoint.Size:
		return hinted{err, "a checkpoint is signed every ten seconds, and at a stop"}
	case err != nil:
		return err
	}
	return json.NewEncoder(e.stdout).Encode(p)
}

type auditBeginCmd struct {
	DataDir            string `help:"Data folder of the server, which is down: ./keyfront-data." default:"./keyfront-data" env:"KEYFRONT_DATA_DIR" placeholder:"DIR"`
	RootPassphraseFrom string `help:"Where the root key's passphrase comes from: prompt, env or file:NAME." env:"KEYFRONT_ROOT_PASSPHRASE_FROM" placeholder:"SOURCE"`
}

// Run makes an empty log, where the server would else refuse to start.
func (c *auditBeginCmd) Run(ctx context.Context, e env) error {
	roots, err := server.RootKeySource(c.DataDir, passphrase(e, c.RootPassphraseFrom)).Load(ctx)
	if err != nil {
		return hinted{err, hintDataFolder}
	}
	keys, err := server.AuditHeadKeys(roots)
	if err != nil {
		return err
	}
	if err := audit.Begin(filepath.Join(c.DataDir, server.AuditFolder), keys[0]); err != nil {
		return err
	}
	fmt.Fprintln(e.stderr, "keyfront: a new audit log begins with record 1; what the old one had is not in it")
	return nil
}
