// Uptime answers how many seconds it has been running. One request in ten fails,
// at random: it is an example of an app that runs although it is not quite healthy.
package main

import (
	"fmt"
	"log"
	"math/rand"
	"net/http"
	"time"
)

const failuresPerHundred = 10

func main() {
	started := time.Now()
	rand.Seed(started.UnixNano()) // Go seeds by itself only from 1.20 on.

	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if rand.Intn(100) < failuresPerHundred {
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, "We're down!")
			return
		}
		fmt.Fprintf(w, "Uptime: %d", int(time.Since(started).Seconds()))
	})

	log.Fatal(http.ListenAndServe(":8080", nil))
}
