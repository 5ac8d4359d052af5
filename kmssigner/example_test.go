package kmssigner_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/keyfront-project/keyfront/kmssigner"
	"github.com/keyfront-project/keyfront/signedurl"
)

// A link for viewers, signed by a key that AWS KMS or Keyfront keeps.
func ExampleNew() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	key, err := kmssigner.New(ctx, kms.NewFromConfig(cfg), "alias/links", nil)
	if err != nil {
		log.Fatal(err)
	}
	signer, err := signedurl.NewSigner("K2JCJMDEHXQW5F", key, &signedurl.SignerOptions{Hash: signedurl.SHA256})
	if err != nil {
		log.Fatal(err)
	}
	link, err := signer.Sign(ctx, "https://example.com/film.mp4", signedurl.Policy{Expires: time.Now().Add(time.Hour)})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(link)
}
