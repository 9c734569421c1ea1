// Judges each vector with the verifier of the guide and prints a JSON list of verdicts.
package main

import (
	"encoding/json"
	"net/http"
	"os"
	"time"

	"receiver/webhook"
)

type vector struct {
	Format  string            `json:"format"`
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
	Now     int64             `json:"now"`
}

func (v vector) judge() bool {
	header := http.Header{}
	for name, value := range v.Headers {
		header.Set(name, value)
	}
	switch v.Format {
	case "standard":
		return webhook.VerifyStandard(v.Secret, header, []byte(v.Body), time.Unix(v.Now, 0)) == nil
	case "sticker":
		return webhook.VerifySticker(v.Secret, header.Get("X-Sticker-Signature"), []byte(v.Body)) == nil
	}
	signature := header.Get("stash-webhook-signature")
	if signature == "" {
		signature = header.Get("Stash-Hmac-Signature")
	}
	return webhook.VerifyStash(v.Secret, signature, []byte(v.Body)) == nil
}

func main() {
	var file struct {
		Vectors []vector `json:"vectors"`
	}
	if err := json.NewDecoder(os.Stdin).Decode(&file); err != nil {
		panic(err)
	}
	verdicts := make([]bool, 0, len(file.Vectors))
	for _, each := range file.Vectors {
		verdicts = append(verdicts, each.judge())
	}
	json.NewEncoder(os.Stdout).Encode(verdicts)
}
