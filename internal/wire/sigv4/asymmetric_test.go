package sigv4_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

var asymmetric = sigv4.Profile{Service: "service", Asymmetric: true}

// The cases and signatures of the Signature Version 4A part of the AWS signing
// test suite (aws-c-auth, Apache-2.0), but those that leave the path as it is or
// cannot be sent over HTTP as Go reads it.
func TestVerifyAsymmetricSuite(t *testing.T) {
	for _, c := range []struct {
		name, line string
		headers    string // beyond Host, X-Amz-Date and X-Amz-Region-Set, each ended by \n
		signed     string
		body       string
		signature  string
	}{
		{"get-vanilla", "GET /", "", "host;x-amz-date;x-amz-region-set", "", "3046022100fddaaf816a31e30d04973875b13bc27b98da10907a3a1872fd5819a221334abc022100de2ee81d83b54f31efc82834de07e6cd4d5c6f25bfa08e0f29a15bb0977c343e"},
		{"get-header-key-duplicate", "GET /", "My-Header1:value2\nMy-Header1:value2\nMy-Header1:value1\n", "host;my-header1;x-amz-date;x-amz-region-set", "", "30450220331da6dfebb0d19e5e161b1efa389ccb83cadb60bc71f6791ef71ac6054c44de0221008588b7d5c9f7a79ca9c02a02efbd0f540cda242a64ca1452aa914e050b517724"},
		{"get-header-value-order", "GET /", "My-Header1:value4\nMy-Header1:value1\nMy-Header1:value3\nMy-Header1:value2\n", "host;my-header1;x-amz-date;x-amz-region-set", "", "304402203410301a4cfc805996d0ac5305374d7cdff4e2564fcbd6f6cfed73b227966046022046e36b2ede1f78d2b68ea4534ae59da3de089e58f67ae08490411dfabd77f36e"},
		{"get-header-value-trim", "GET /", "My-Header1: value1\nMy-Header2: \"a   b   c\"\n", "host;my-header1;my-header2;x-amz-date;x-amz-region-set", "", "3046022100ce72c874a80cea45e3c5b7cbe76178f8577870e1f97ee1730f57cff45c3d398b022100e4ea7b870335abab5ca57fa740d20b3c5aba2739cf96dd7fa671fc11cf6c3341"},
		{"get-relative-normalized", "GET /example/..", "", "host;x-amz-date;x-amz-region-set", "", "304402206ccd591952cdb4a0a002217788234c80eac520f890b0a6ea07b98044f08ba10e0220733126caf0347f7df89773f79b9fae2648ca786e67a7d88ec296d66452da4bec"},
		{"get-relative-relative-normalized", "GET /example1/example2/../..", "", "host;x-amz-date;x-amz-region-set", "", "304402203edb747d59fe32db47529b2e5e02c9276759b7c43ad9e36ff62d52b8dbeb00e3022007f99e8601938b893fe6dcbac9259fec2f3797b0e3d74fd66d59b09e83b8c1d4"},
		{"get-slash-normalized", "GET //", "", "host;x-amz-date;x-amz-region-set", "", "304502207c7fe2e91cdbe4529569d58fc3727507375cff81a56cfa26b387895ab6cdbb25022100d38e283efa5ff27d88f10e7367493b1dc49050ba9474531e4acb3ee30fac3739"},
		{"get-slash-dot-slash-normalized", "GET /./", "", "host;x-amz-date;x-amz-region-set", "", "304502207665172b8612dbbd2c1f3c722c52b7b8dac2cdc5203d86252e21d9610018b153022100c548f3f0c23beeb388f8c8138ce1e883e2cdf2be1d7c5d7c15d4e565bfd6b0dd"},
		{"get-slash-pointless-dot-normalized", "GET /./example", "", "host;x-amz-date;x-amz-region-set", "", "30460221008cb5fa4d42bdd0c293d58ce748128be3a41693d25cfd701e281bf0c0bc28f41a022100b863217c8f05146ff1b4282706bc78781b1425c2d36a09127116e852e31fc974"},
		{"get-slashes-normalized", "GET //example//", "", "host;x-amz-date;x-amz-region-set", "", "304402203d34870fcc77b0f5a3f6d440cd1cecb75c7e534cfbcc68f60743d308ae92fef602200f9fbaacc5010b9a7e046b1b5ae58764bd32c24c47ef65b63ad9ff756c478e4d"},
		{"get-unreserved", "GET /" + suiteUnreserved, "", "host;x-amz-date;x-amz-region-set", "", "304402206a228bcbe26141c2c5065525b98ea00b793470e04e655006269f740e320215930220160015e35502fa89a96f5fed59981af0896b60ecea6a68606a0be368bca73f2c"},
		{"get-utf8", "GET /ሴ", "", "host;x-amz-date;x-amz-region-set", "", "304502210082c462efc22f340d7d20b19e0c9b38400e9395bedd9269e01e959ef915ca2846022050d38df1572786ef8befe01d888335c15b0f17fb1d795858fa3cb79e060ba375"},
		{"get-vanilla-empty-query-key", "GET /?Param1=value1", "", "host;x-amz-date;x-amz-region-set", "", "304502210093d40fe05684ddadfadfafc4b8565d18ca94d590fc897577224bf09696bbde6102206f12bb5e2503781303cf6880c0a2136d4b820221eb9d6ac5ad61378b16b8ea5d"},
		{"get-vanilla-query-order-encoded", "GET /?Param-3=Value3&Param=Value2&%E1%88%B4=Value1", "", "host;x-amz-date;x-amz-region-set", "", "3045022100cef3137947f52af13fe5591d4ddcff0260176e7b2a668b43ac8f0cba2e489fe502203b4fe53c9fe3e8925643fe0e4c3ec0b3ea6262917bf7300d2e2abb399078e6de"},
		{"get-vanilla-query-order-key-case", "GET /?Param2=value2&Param1=value1", "", "host;x-amz-date;x-amz-region-set", "", "30450220394fa0699225f403514cb4db03b7c479f64c5f9864bf520b871bb23a054d6517022100d4445c909fc62a43c6c485a8582621e0e14c6ef1e4218072bc2dcaffc1188f18"},
		{"get-vanilla-query-unreserved", "GET /?" + suiteUnreserved + "=" + suiteUnreserved, "", "host;x-amz-date;x-amz-region-set", "", "30450220023b0ce37b4e3f7fe6b6e155dab72846b461d22ff4820f019a07afef476f61ee022100f985e993037270cc48ac905b360046d077770a2b28aa829ea909430b1b3ed8aa"},
		{"get-vanilla-utf8-query", "GET /?ሴ=bar", "", "host;x-amz-date;x-amz-region-set", "", "304502206e0b9d70bb0413a557946314e04739d721c9f301d452c072590edfdcb9320572022100846f242fb0346c8c56c76a6f0e70c521d7ac02742f09c2e7b5253f1e9afe5a44"},
		{"get-vanilla-with-session-token", "GET /", "X-Amz-Security-Token:6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267\n", "host;x-amz-date;x-amz-region-set;x-amz-security-token", "", "30450221008f4516c8850ed9eb29502658d1f0e0f6cabc11a44963c558efd1dd8e9fb084a0022032e47df89ad1a5b4e2b82d3a68dbe31d6ef8e1ea8c3815b2097538c4695d184e"},
		{"post-header-key-sort", "POST /", "My-Header1:value1\n", "host;my-header1;x-amz-date;x-amz-region-set", "", "3046022100a5dc03771b33997d8eeb15d639cb7bdef2aff78a4a59c7996070e5f94fe149780221009a732061539208209ba0ae6755bef956c258a0c0ac6a6916489486efde21cfeb"},
		{"post-header-value-case", "POST /", "My-Header1:VALUE1\n", "host;my-header1;x-amz-date;x-amz-region-set", "", "3045022100c72dd4d54c45d3eb30858c6227e9512f41b7379b7c685e39e0cd39a793d7ee3102205c900d330270e31d2f7b5138fb3d791b6743f6f3b9ffbc34a4adcc8307591b11"},
		{"post-sts-header-before", "POST /", "X-Amz-Security-Token:" + suiteToken + "\n", "host;x-amz-date;x-amz-region-set;x-amz-security-token", "", "3045022035115ac58fb923b0894e63eabf5864858c27f504b34bd707b569b2d6ee6a9c2e02210080ed7d2f3b7d52b4243890c596379ecd2066e9a1ac183d546ba07955ed5db306"},
		{"post-vanilla", "POST /", "", "host;x-amz-date;x-amz-region-set", "", "3044022020e04d83be1fc4c7669eb2530c48444ff2ef65e73ab6d4084ba89b886b70d01a0220570df05bd3ba39ccd96a3e831ed8757fbb516baa603d78eaed3ccc95d50a2abb"},
		{"post-vanilla-query", "POST /?Param1=value1", "", "host;x-amz-date;x-amz-region-set", "", "304402202785ef1eddce96aa4f4cb359f00fcb1155fa7f679b4af8949a8ea097381543fc02205a9719949fcc5452e690dcd2426318aa17d87aa67c68fdd66f815ae2d3591b49"},
		{"post-x-www-form-urlencoded", "POST /", "Content-Type:application/x-www-form-urlencoded\nContent-Length:13\nx-amz-content-sha256:9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e\n", "content-length;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-region-set", "Param1=value1", "3045022100955bbc0f0b9d4284719808642167f7d5ea4a72f8c296b75b442898c8b81cd7e502202425fb97620fa9a20344d22b248dd00db07524fc39b5ad77533e00b277331241"},
		{"post-x-www-form-urlencoded-parameters", "POST /", "Content-Type:application/x-www-form-urlencoded; charset=utf-8\nContent-Length:13\nx-amz-content-sha256:9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e\n", "content-length;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-region-set", "Param1=value1", "3045022100c016dc61cbd380cf8160711320957071f5c122ef69164d56d02f79daf51a0603022043e3313aa2f6b46285cc89dfe5616ccc74c810a3d7ea25b76ee1ca496f7facba"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, body := received(t, strings.ReplaceAll(c.line+" HTTP/1.1\nHost:example.amazonaws.com\n"+c.headers+
				"X-Amz-Date:20150830T123600Z\nX-Amz-Region-Set:us-east-1\nAuthorization:AWS4-ECDSA-P256-SHA256 Credential=AKIDEXAMPLE/20150830/service/aws4_request, SignedHeaders="+
				c.signed+", Signature="+c.signature+"\n\n", "\n", "\r\n")+c.body)
			if _, err := verify(r, body, suiteSecret, suiteTime, asymmetric); err != nil {
				t.Errorf("Verify = %v, want nil", err)
			}
			var mismatch *sigv4.MismatchError
			if _, err := verify(r, body, suiteSecret+"x", suiteTime, asymmetric); !errors.As(err, &mismatch) {
				t.Errorf("Verify with another secret = %v, want a mismatch", err)
			}
			if _, err := verify(r, append(body, '.'), suiteSecret, suiteTime, asymmetric); err == nil {
				t.Errorf("Verify of another body = nil, want an error")
			}
			r.Header.Set("X-Amz-Region-Set", "us-east-2")
			if _, err := verify(r, body, suiteSecret, suiteTime, asymmetric); !errors.As(err, &mismatch) {
				t.Errorf("Verify with another region set = %v, want a mismatch", err)
			}
		})
	}
}

// signedVanilla is the suite's simplest request, and presignedVanilla its
// presigned form.
const (
	signedVanilla = "AWS4-ECDSA-P256-SHA256 Credential=AKIDEXAMPLE/20150830/service/aws4_request, SignedHeaders=host;x-amz-date;x-amz-region-set, " +
		"Signature=3046022100fddaaf816a31e30d04973875b13bc27b98da10907a3a1872fd5819a221334abc022100de2ee81d83b54f31efc82834de07e6cd4d5c6f25bfa08e0f29a15bb0977c343e"
	presignedVanilla = "/?X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fservice%2Faws4_request&X-Amz-Date=20150830T123600Z" +
		"&X-Amz-SignedHeaders=host&X-Amz-Expires=3600&X-Amz-Region-Set=us-east-1" +
		"&X-Amz-Signature=3045022100a28466db6c76223d5aa6ed436a8451b30e21ba0a076e7f2f943dd1f3d2816249022049e4b3746929cd2a2cb7b7984dbe0f5d40a300e7d9a7a7f1307c196b6f96b61a"
)

func vanilla() *http.Request {
	return &http.Request{Method: "GET", RequestURI: "/", Host: "example.amazonaws.com", Header: http.Header{
		"Authorization": {signedVanilla}, "X-Amz-Date": {"20150830T123600Z"}, "X-Amz-Region-Set": {"us-east-1"},
	}}
}

// The presigned forms of the same suite.
func TestVerifyAsymmetricPresigned(t *testing.T) {
	for _, c := range []struct{ name, path, query, token, signature string }{
		{"get-vanilla", "/", "", "", "3045022100a28466db6c76223d5aa6ed436a8451b30e21ba0a076e7f2f943dd1f3d2816249022049e4b3746929cd2a2cb7b7984dbe0f5d40a300e7d9a7a7f1307c196b6f96b61a"},
		{"get-slashes-normalized", "//example//", "", "", "3045022100ec452ebb2ae12447edb19c7c1824c5b5921650498ed70c3366d9bce4875f0095022007c29a38626d79722aa8f8882ea96003eaf2a135c4bed3394f24a068fded99f1"},
		{"get-utf8", "/ሴ", "", "", "3045022100a6a54a9d29f463be9ee0822246866fdbf4d71ab2f0c1dd70da52bd3d4539ce6802204fb18b4ddab0e97af74ecb42e33d6d2f2ac2ae0cee9509f649506f1cd2954899"},
		{"get-vanilla-query-order-key-case", "/", "Param2=value2&Param1=value1&", "", "304402202cbada4314f8da2b9dfa447db936428ad13f522f007110427e5c6c4dbf93762f02205ad19e24495835a7242c546eeec3dbdfcd538361fd9a67f99610a8adab3411e9"},
		{"get-vanilla-with-session-token", "/", "", "&X-Amz-Security-Token=6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267", "304502207cdbb61908b9d4cf6c84e03ff7dac10a9a4637784d335a7d8bf1d1a6931bc3ba022100ee78b054e5441b71ab155632174df6b68bdaa00eabf939bf0c7299e1367e02a4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := c.path + "?" + c.query + "X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Fservice%2Faws4_request" +
				"&X-Amz-Date=20150830T123600Z&X-Amz-SignedHeaders=host&X-Amz-Expires=3600" + c.token + "&X-Amz-Region-Set=us-east-1&X-Amz-Signature="
			r := &http.Request{Method: "GET", RequestURI: target + c.signature, Host: "example.amazonaws.com", Header: http.Header{}}
			if _, err := verify(r, nil, suiteSecret, suiteTime.Add(time.Hour), asymmetric); err != nil {
				t.Errorf("Verify = %v, want nil", err)
			}
			var expired *sigv4.ExpiredError
			if _, err := verify(r, nil, suiteSecret, suiteTime.Add(time.Hour+time.Second), asymmetric); !errors.As(err, &expired) {
				t.Errorf("Verify after an hour = %v, want an *ExpiredError", err)
			}
			r.RequestURI = strings.Replace(r.RequestURI, "Expires=3600", "Expires=3601", 1)
			var mismatch *sigv4.MismatchError
			if _, err := verify(r, nil, suiteSecret, suiteTime, asymmetric); !errors.As(err, &mismatch) {
				t.Errorf("Verify with a longer life = %v, want a mismatch", err)
			}
		})
	}
}

func TestAsymmetricRefusals(t *testing.T) {
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	edit := func(old, with string) func(*http.Request) {
		return set("Authorization", strings.Replace(signedVanilla, old, with, 1))
	}
	header := func(field string, p sigv4.Problem) string {
		return (&sigv4.MalformedError{Form: sigv4.FormHeader, Field: field, Problem: p}).Error()
	}
	mismatch := (&sigv4.MismatchError{}).Error()
	for _, c := range []struct {
		name    string
		change  func(*http.Request)
		profile sigv4.Profile
		want    string
	}{
		{"as sent", func(*http.Request) {}, asymmetric, ""},
		{"another service's door", func(*http.Request) {}, sigv4.Profile{Service: "service"}, sigv4.ErrSigV4a.Error()},
		{"its region", func(*http.Request) {}, sigv4.Profile{Region: "us-east-1", Asymmetric: true}, ""},
		{"another region", func(*http.Request) {}, sigv4.Profile{Region: "us-east-2", Asymmetric: true}, `sigv4: the scope's region is "us-east-1", want "us-east-2"`},
		{"no region set", func(r *http.Request) { r.Header.Del("X-Amz-Region-Set") }, asymmetric, header("Region-Set", sigv4.Missing)},
		{"two region sets", func(r *http.Request) { r.Header.Add("X-Amz-Region-Set", "*") }, asymmetric, header("Region-Set", sigv4.Repeated)},
		{"odd region set", set("X-Amz-Region-Set", "us-east-1,,*"), asymmetric, header("Region-Set", sigv4.Malformed)},
		{"foreign characters", set("X-Amz-Region-Set", "us/east"), asymmetric, header("Region-Set", sigv4.Malformed)},
		{"huge region set", set("X-Amz-Region-Set", strings.Repeat("a,", 300)+"a"), asymmetric, header("Region-Set", sigv4.TooLarge)},
		{"region set unsigned", edit(";x-amz-region-set", ""), asymmetric, "sigv4: headers are not signed: x-amz-region-set"},
		{"a region in the scope", edit("/service/", "/us-east-1/service/"), asymmetric, header("Credential", sigv4.Malformed)},
		{"the other algorithm", edit("AWS4-ECDSA-P256-SHA256", "AWS4-HMAC-SHA256"), asymmetric, header("Credential", sigv4.Malformed)},
		{"upper case", edit("3046022100fddaaf", "3046022100FDDAAF"), asymmetric, ""},
		{"not hexadecimal", edit("Signature=30", "Signature=xx"), asymmetric, mismatch},
		{"half a byte", edit("Signature=30", "Signature=3"), asymmetric, mismatch},
		{"not DER", edit("Signature=3046", "Signature=3045"), asymmetric, mismatch},
		{"more than a signature", edit("0977c343e", "0977c343e00"), asymmetric, mismatch},
		{"a long signature", edit("0977c343e", "0977c343e"+strings.Repeat("00", 100)), asymmetric, mismatch},
		{"zeros", edit("Signature=3046022100fddaaf816a31e30d04973875b13bc27b98da10907a3a1872fd5819a221334abc022100de2ee81d83b54f31efc82834de07e6cd4d5c6f25bfa08e0f29a15bb0977c343e", "Signature=3006020100020100"), asymmetric, mismatch},
		{"another access key", edit("AKIDEXAMPLE", "AKIDEXAMPLF"), asymmetric, mismatch},
	} {
		r := vanilla()
		c.change(r)
		got := ""
		if _, err := verify(r, nil, suiteSecret, suiteTime, c.profile); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s: Verify = %q, want %q", c.name, got, c.want)
		}
	}
}

func TestRegionSet(t *testing.T) {
	for _, c := range []struct {
		set, region string
		want        bool
	}{
		{"*", "us-east-1", true},
		{"us-*", "us-east-1", true},
		{"us-*", "eu-west-1", false},
		{"eu-west-1, us-east-1", "us-east-1", true},
		{"us-east", "us-east-1", false},
		{"us-east-11", "us-east-1", false},
	} {
		r := vanilla()
		r.Header.Set("X-Amz-Region-Set", c.set)
		_, err := verify(r, nil, suiteSecret, suiteTime, sigv4.Profile{Region: c.region, Asymmetric: true})
		var scope *sigv4.ScopeError
		if got := !errors.As(err, &scope); got != c.want {
			t.Errorf("region set %q holds %s = %v, want %v", c.set, c.region, got, c.want)
		}
	}
}

// A chunk of an S3 body would need the signing key, which a verifier has not.
func TestAsymmetricChunks(t *testing.T) {
	for _, value := range []string{"STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"} {
		r := vanilla()
		r.Header.Set("X-Amz-Content-Sha256", value)
		r.Header.Set("Authorization", strings.Replace(signedVanilla, "host;", "host;x-amz-content-sha256;", 1))
		if _, err := verify(r, nil, suiteSecret, suiteTime, sigv4.Profile{Style: sigv4.S3, Asymmetric: true}); !errors.Is(err, sigv4.ErrPayloadHash) {
			t.Errorf("Verify with %s = %v, want ErrPayloadHash", value, err)
		}
	}
}
