package main

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// encryptedKeys names the keys of the image's own encrypted files, from a measured variable.
func (g *guest) encryptedKeys() []string {
	if listed := g.env["CAISSON_ENCRYPTED"]; listed != "" {
		return strings.Split(listed, ",")
	}
	return nil
}

// applyEncrypted puts the image's encrypted files in their places, in memory. Under each key there is one file in
// Gramine's format; in it is an archive, so that nobody but premain learns names, sizes and modes.
func (g *guest) applyEncrypted(ctx context.Context) error {
	for _, name := range g.encryptedKeys() {
		key, there := g.bundle.fsKeys[name]
		if !there {
			return wrong("name it in `fs_keys` of the workload",
				"the bundle brings no key `%s`, and the image has files encrypted under it", plain(name))
		}
		where := filepath.Join(g.image, "encrypted", name)
		if err := g.unpackEncrypted(ctx, where, "/.caisson/encrypted/"+name, key); err != nil {
			return wrong("is it the key with which the image was built?", "%s: %v", quoted(where), err)
		}
	}
	return nil
}

func (g *guest) unpackEncrypted(ctx context.Context, where, writtenFor string, key []byte) error {
	file, err := os.Open(where)
	if err != nil {
		return origin(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return origin(err)
	}
	content, err := openProtected(file, info.Size(), key, writtenFor)
	if err != nil {
		return err
	}
	archive := tar.NewReader(untilDone{ctx, content})
	made := map[string]bool{}
	for {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		place := "/" + header.Name
		if header.Typeflag != tar.TypeReg || made[place] {
			return fmt.Errorf("the archive in it has %s, which is no file, or there twice", quoted(place))
		}
		made[place] = true
		if !g.inLibOS {
			if err := g.files.sweep([]string{place}); err != nil {
				return err
			}
		}
		if err := g.files.createFrom(place, uint32(header.FileInfo().Mode().Perm()), header.Size, archive); err != nil {
			return err
		}
	}
	_, err = io.Copy(io.Discard, struct{ io.Reader }{content}) // what fills the archive up is checked, too
	return err
}

// untilDone ends a stream when the context does.
type untilDone struct {
	ctx  context.Context
	from io.Reader
}

func (r untilDone) Read(buffer []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.from.Read(buffer)
}
