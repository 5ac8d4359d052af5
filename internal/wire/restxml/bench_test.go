package restxml_test

import (
	"fmt"
	"strings"
	"testing"
)

// A document of the size of a distribution's.
func BenchmarkDecode(b *testing.B) {
	var body strings.Builder
	body.WriteString("<Config><CallerReference>r</CallerReference><Enabled>true</Enabled><Aliases><Quantity>20</Quantity><Items>")
	for i := range 20 {
		fmt.Fprintf(&body, "<CNAME>www%d.example.com</CNAME>", i)
	}
	body.WriteString("</Items></Aliases></Config>")
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := document.Decode([]byte(body.String())); err != nil {
			b.Fatal(err)
		}
	}
}
