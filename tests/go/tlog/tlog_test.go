// The peer of benches/tlog.rs: golang.org/x/mod/sumdb/tlog, with the same tree.
package tlog

import (
	"encoding/binary"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

const size = 1_000_000

// tiles are the tiles of the tree, in memory.
type tiles map[string][]byte

func (t tiles) Height() int                         { return 8 }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t tiles) ReadTiles(asked []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(asked))
	for at, tile := range asked {
		found, ok := t[tile.Path()]
		if !ok {
			return nil, fmt.Errorf("there is no %s", tile.Path())
		}
		data[at] = found
	}
	return data, nil
}

// stored are the hashes of the tree, as the checksum database stores them.
type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for at, index := range indexes {
		hashes[at] = s[index]
	}
	return hashes, nil
}

func tree(b *testing.B) (tlog.Tree, tiles) {
	var hashes stored
	for leaf := int64(0); leaf < size; leaf++ {
		var data [8]byte
		binary.BigEndian.PutUint64(data[:], uint64(leaf))
		added, err := tlog.StoredHashes(leaf, data[:], hashes)
		if err != nil {
			b.Fatal(err)
		}
		hashes = append(hashes, added...)
	}
	root, err := tlog.TreeHash(size, hashes)
	if err != nil {
		b.Fatal(err)
	}
	made := tiles{}
	for _, tile := range tlog.NewTiles(8, 0, size) {
		data, err := tlog.ReadTileData(tile, hashes)
		if err != nil {
			b.Fatal(err)
		}
		made[tile.Path()] = data
	}
	return tlog.Tree{N: size, Hash: root}, made
}

// BenchmarkProveInclusion reads the tiles that the proof of some leaf takes, checks them, and makes the proof.
func BenchmarkProveInclusion(b *testing.B) {
	tree, tiles := tree(b)
	leaf := int64(0)
	for b.Loop() {
		leaf = (leaf + 543_210) % size
		if _, err := tlog.ProveRecord(size, leaf, tlog.TileHashReader(tree, tiles)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkProveConsistency does the same for two sizes.
func BenchmarkProveConsistency(b *testing.B) {
	tree, tiles := tree(b)
	for b.Loop() {
		if _, err := tlog.ProveTree(size, 765_432, tlog.TileHashReader(tree, tiles)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkVerifyInclusion verifies such a proof.
func BenchmarkVerifyInclusion(b *testing.B) {
	tree, tiles := tree(b)
	proof, err := tlog.ProveRecord(size, 543_210, tlog.TileHashReader(tree, tiles))
	if err != nil {
		b.Fatal(err)
	}
	var data [8]byte
	binary.BigEndian.PutUint64(data[:], 543_210)
	leaf := tlog.RecordHash(data[:])
	for b.Loop() {
		if err := tlog.CheckRecord(proof, size, tree.Hash, 543_210, leaf); err != nil {
			b.Fatal(err)
		}
	}
}
