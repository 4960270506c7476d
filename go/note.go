package candor

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Types of verifier keys, by https://c2sp.org/signed-note.
const (
	kindLog     = 0x01 // Ed25519: logs
	kindEd25519 = 0x04 // Ed25519 cosignatures: witnesses
	kindMLDSA44 = 0x06 // ML-DSA-44 cosignatures: witnesses
)

const mldsa44PublicKey = 1312

// A verifierKey is the public key of a log or a witness, written NAME+KEYID+BASE64.
type verifierKey struct {
	name   string
	id     uint32
	kind   byte
	public []byte
	// log verifies the signatures of a log's key.
	log note.Verifier
}

// id is as it is written: eight hexadecimal digits.
func idText(id uint32) string { return fmt.Sprintf("%08x", id) }

func (key *verifierKey) String() string {
	encoded := base64.StdEncoding.EncodeToString(append([]byte{key.kind}, key.public...))
	return key.name + "+" + idText(key.id) + "+" + encoded
}

// nameAndID is how messages and files name the key.
func (key *verifierKey) nameAndID() string { return key.name + "+" + idText(key.id) }

func isKeyName(name string) bool {
	bad := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || r == '+' }
	return name != "" && len(name) <= 512 && utf8.ValidString(name) && strings.IndexFunc(name, bad) < 0
}

func parseKey(text string) (*verifierKey, error) {
	malformed := fmt.Errorf("%.200q is not a verifier key: it must be NAME+KEYID+BASE64, as the log's operator gave it", text)
	// The base64 may hold a '+' too, the other parts may not.
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 || !isKeyName(parts[0]) {
		return nil, malformed
	}
	id, err := strconv.ParseUint(parts[1], 16, 32)
	if err != nil || idText(uint32(id)) != parts[1] {
		return nil, malformed
	}
	decoded, err := decodeBase64(parts[2])
	if err != nil || len(decoded) == 0 {
		return nil, malformed
	}
	key := &verifierKey{name: parts[0], id: uint32(id), kind: decoded[0], public: decoded[1:]}
	hash := sha256.Sum256(append([]byte(key.name+"\n"), decoded...))
	if computed := binary.BigEndian.Uint32(hash[:]); computed != key.id {
		return nil, fmt.Errorf("the verifier key of %s says its ID is %s, but it is %s: a character was lost or changed; copy the key again",
			key.name, parts[1], idText(computed))
	}
	return key, nil
}

// parseLogKey reads the verifier key of a log.
func parseLogKey(text string) (*verifierKey, error) {
	key, err := parseKey(text)
	if err != nil {
		return nil, err
	}
	if key.kind != kindLog {
		return nil, fmt.Errorf("the verifier key of %s is of type %#02x, and a log's key is of type 0x01 (Ed25519)", key.name, key.kind)
	}
	key.log, err = note.NewVerifier(text)
	if err != nil || isWeak(key.public) {
		return nil, fmt.Errorf("the verifier key of %s holds no sound public key; ask its owner for another", key.name)
	}
	return key, nil
}

// parseWitnessKey reads the verifier key of a witness.
func parseWitnessKey(text string) (*verifierKey, error) {
	key, err := parseKey(text)
	if err != nil {
		return nil, err
	}
	sound := false
	switch key.kind {
	case kindEd25519:
		sound = len(key.public) == ed25519.PublicKeySize && !isWeak(key.public)
	case kindMLDSA44:
		sound = len(key.public) == mldsa44PublicKey
	default:
		return nil, fmt.Errorf("the verifier key of %s is of type %#02x, and a witness's key is of type 0x04 (Ed25519) or 0x06 (ML-DSA-44)", key.name, key.kind)
	}
	if !sound {
		return nil, fmt.Errorf("the verifier key of %s holds no sound public key; ask its owner for another", key.name)
	}
	return key, nil
}

// isWeak says whether an Ed25519 public key is one of the few with which signatures prove nothing: a point
// of small order, by its y coordinate.
func isWeak(public []byte) bool {
	if len(public) != ed25519.PublicKeySize {
		return true
	}
	y := hex.EncodeToString(append(bytes.Clone(public[:31]), public[31]&0x7f))
	switch y {
	case "0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
		// Other spellings of the first two.
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f":
		return true
	}
	return false
}

// decodeBase64 reads standard base64 with padding, without line breaks or stray bits.
func decodeBase64(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("a line break in base64")
	}
	return base64.StdEncoding.Strict().DecodeString(text)
}

// A signedNote is a text with signatures that may or may not be good: https://c2sp.org/signed-note.
type signedNote struct {
	text       string
	signatures []noteSignature
}

type noteSignature struct {
	name  string
	id    uint32
	bytes []byte
}

const (
	longestNote    = 1_000_000
	mostSignatures = 100
	signatureMark  = "— "
)

func notANote(reason string) error { return errors.New("this is not a signed note: " + reason) }

func parseNote(data []byte) (*signedNote, error) {
	if len(data) > longestNote {
		return nil, notANote("it is longer than 1,000,000 bytes")
	}
	if !utf8.Valid(data) {
		return nil, notANote("it is not UTF-8")
	}
	whole := string(data)
	if strings.IndexFunc(whole, func(r rune) bool { return r < ' ' && r != '\n' }) >= 0 {
		return nil, notANote("it has a control character that is not a line end")
	}
	// Counted from the last blank line: the text may have some of its own.
	split := strings.LastIndex(whole, "\n\n")
	if split < 0 {
		return nil, notANote("it has no blank line")
	}
	parsed := &signedNote{text: whole[:split+1]}
	lines, ok := strings.CutSuffix(whole[split+2:], "\n")
	if !ok {
		return nil, notANote("it has no signatures, or its last line has no line end")
	}
	for number, line := range strings.Split(lines, "\n") {
		if number >= mostSignatures {
			return nil, notANote("it has more than 100 signatures")
		}
		line, marked := strings.CutPrefix(line, signatureMark)
		name, encoded, two := strings.Cut(line, " ")
		decoded, err := decodeBase64(encoded)
		if !marked || !two || !isKeyName(name) || err != nil || len(decoded) < 5 {
			return nil, notANote(fmt.Sprintf("signature line %d is malformed", number+1))
		}
		signature := noteSignature{name, binary.BigEndian.Uint32(decoded), decoded[4:]}
		parsed.signatures = append(parsed.signatures, signature)
	}
	return parsed, nil
}

// verifiedBy checks that at least one of a log's keys signed, and returns the first that did. Signatures by
// other keys are ignored. If a known key's signature is bad, the note is refused whatever else is on it:
// someone tampered with it.
func (n *signedNote) verifiedBy(keys []*verifierKey) (*verifierKey, error) {
	var signed *verifierKey
	for _, signature := range n.signatures {
		for _, key := range keys {
			if key.name != signature.name || key.id != signature.id {
				continue
			}
			if !key.log.Verify([]byte(n.text), signature.bytes) {
				return nil, forged(key)
			}
			if signed == nil {
				signed = key
			}
		}
	}
	if signed == nil {
		var wanted []string
		for _, key := range keys {
			wanted = append(wanted, key.nameAndID())
		}
		return nil, fmt.Errorf("the note is not signed by %s: it comes from another signer, or the key to verify it with is out of date",
			listed(wanted, 4))
	}
	return signed, nil
}

func forged(key *verifierKey) error {
	return fmt.Errorf("the signature by %s does not match the note: it was changed or forged", key.nameAndID())
}

// A checkpoint is what a log says about itself: https://c2sp.org/tlog-checkpoint.
type checkpoint struct {
	origin string
	tree   tlog.Tree
}

func parseCheckpoint(text string) (checkpoint, error) {
	malformed := func(reason string) (checkpoint, error) {
		return checkpoint{}, errors.New("this is not a checkpoint: " + reason)
	}
	body, ended := strings.CutSuffix(text, "\n")
	if !ended {
		return malformed("its last line has no line end")
	}
	lines := strings.Split(body, "\n")
	if lines[0] == "" || strings.IndexFunc(lines[0], func(r rune) bool { return r < ' ' || r == 0x7f }) >= 0 {
		return malformed("the origin is empty or not one line")
	}
	if len(lines) < 3 {
		return malformed("it has fewer than three lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return malformed("its second line is not a tree size")
	}
	root, err := decodeBase64(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return malformed("its third line is not a root hash")
	}
	for _, extension := range lines[3:] {
		if extension == "" {
			return malformed("it has an empty line")
		}
	}
	read := checkpoint{lines[0], tlog.Tree{N: size, Hash: tlog.Hash(root)}}
	if size == 0 && read.tree.Hash != tlog.Hash(sha256.Sum256(nil)) {
		return malformed("its tree is empty, but its root is not that of an empty tree")
	}
	return read, nil
}

// VerifyMLDSA44 verifies an ML-DSA-44 signature (FIPS 204, empty context). A program whose policy names
// witnesses with such keys sets it before [Start], with a package of its choice, as Go's standard library
// has none yet. While it is nil, these witnesses count as not having cosigned.
var VerifyMLDSA44 func(publicKey, message, signature []byte) bool

// A cosignature is one that was verified.
type cosignature struct {
	// at is when the witness says it saw the tree as the largest, in seconds since 1970.
	at uint64
	// hasTime is false if it does not say.
	hasTime bool
}

// cosigned is a witness's newest cosignature on the note of a checkpoint; nil if it has none. A bad one under
// the key's name and ID is an error.
//
// https://c2sp.org/tlog-cosignature
func (key *verifierKey) cosigned(n *signedNote, of checkpoint) (newest *cosignature, err error) {
	if key.kind == kindMLDSA44 && VerifyMLDSA44 == nil {
		return nil, nil
	}
	for _, signature := range n.signatures {
		if signature.name != key.name || signature.id != key.id {
			continue
		}
		if len(signature.bytes) < 8 {
			return nil, forged(key)
		}
		time, bytes := binary.BigEndian.Uint64(signature.bytes), signature.bytes[8:]
		if time > math.MaxInt64 || !key.verifies(n.text, of, time, bytes) {
			return nil, forged(key)
		}
		// A time of zero, which only ML-DSA allows, says nothing.
		one := &cosignature{time, time > 0 || key.kind == kindEd25519}
		if newest == nil || one.hasTime && (!newest.hasTime || one.at > newest.at) {
			newest = one
		}
	}
	return newest, nil
}

func (key *verifierKey) verifies(text string, of checkpoint, time uint64, signature []byte) bool {
	if key.kind == kindEd25519 {
		message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, text)
		return len(signature) == ed25519.SignatureSize && ed25519.Verify(key.public, []byte(message), signature)
	}
	if len(key.name) > 255 || len(of.origin) > 255 {
		return false
	}
	message := []byte("subtree/v1\n\x00")
	message = append(append(message, byte(len(key.name))), key.name...)
	message = binary.BigEndian.AppendUint64(message, time)
	message = append(append(message, byte(len(of.origin))), of.origin...)
	message = binary.BigEndian.AppendUint64(message, 0)
	message = binary.BigEndian.AppendUint64(message, uint64(of.tree.N))
	message = append(message, of.tree.Hash[:]...)
	return VerifyMLDSA44(key.public, message, signature)
}

// listed gives the first names of a list, and how many more there are.
func listed(names []string, most int) string {
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
