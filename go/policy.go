package candor

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A policy says which log and witnesses to trust, and how many witnesses are enough:
// https://c2sp.org/tlog-policy.
//
//	log VKEY [URL]
//	witness NAME VKEY [URL]
//	group NAME all|any|K NAME...
//	quorum NAME|none
type policy struct {
	logs      []policyLog
	witnesses []policyWitness
	groups    []policyGroup
	// quorum is the name of a witness or group; "none" if no witness is asked for.
	quorum string
}

type policyLog struct {
	key *verifierKey
	url string
}

type policyWitness struct {
	name string
	key  *verifierKey
	url  string
}

type policyGroup struct {
	name      string
	threshold int
	members   []string
}

const (
	longestPolicy = 4 << 20
	mostInPolicy  = 1024
	noQuorum      = "none"
)

// An accepted checkpoint is one that a policy believes.
type accepted struct {
	checkpoint
	// log is the key that signed it.
	log *verifierKey
	// freshAt is the latest time at which a quorum of witnesses said that this tree was the largest, in
	// seconds since 1970; nil if the policy asks for no witness, or they gave no time.
	freshAt *uint64
}

// parseTrust reads the verifier key of a log, which is one word, or the text of a policy of one log.
func parseTrust(text string) (*policy, error) {
	if word := strings.TrimSpace(text); word != "" && !strings.ContainsAny(word, " \t\r\n") {
		key, err := parseLogKey(word)
		if err != nil {
			return nil, err
		}
		return &policy{logs: []policyLog{{key: key}}, quorum: noQuorum}, nil
	}
	read, err := parsePolicy([]byte(text))
	if err != nil {
		return nil, err
	}
	if len(read.logs) == 0 {
		return nil, errors.New("the policy names no log: add the line `log VKEY`, with the verifier key of the log")
	}
	for _, log := range read.logs {
		if first := read.logs[0].key.name; log.key.name != first {
			return nil, fmt.Errorf("the policy names two logs, %s and %s, but configs come from one log: remove the other", first, log.key.name)
		}
	}
	return read, nil
}

// parsePolicy reads the file of a policy. It is octets: names are compared byte by byte, and only tabs,
// spaces and line ends separate words.
func parsePolicy(data []byte) (*policy, error) {
	if len(data) > longestPolicy {
		return nil, fmt.Errorf("a policy may have at most %d bytes", longestPolicy)
	}
	parser := policyParser{defined: map[string]bool{}, used: map[string]bool{}}
	for number, line := range bytes.Split(data, []byte("\n")) {
		if err := parser.line(string(line)); err != nil {
			return nil, fmt.Errorf("line %d of the policy: %w", number+1, err)
		}
	}
	if parser.quorum == "" {
		return nil, errors.New("the policy has no quorum; end it with `quorum NAME`, or `quorum none`")
	}
	return &parser.policy, nil
}

type policyParser struct {
	policy
	defined, used map[string]bool
}

func (p *policyParser) line(line string) error {
	for i := range len(line) {
		if b := line[i]; b < ' ' && b != '\t' || b == 0x7f {
			return fmt.Errorf("it has the control character %#02x; only tabs and line ends may be there", b)
		}
	}
	words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(words) == 0 || strings.HasPrefix(words[0], "#") {
		return nil
	}
	switch rest := words[1:]; words[0] {
	case "log":
		return p.log(rest)
	case "witness":
		return p.witness(rest)
	case "group":
		return p.group(rest)
	case "quorum":
		return p.setQuorum(rest)
	}
	return fmt.Errorf("no line begins with %.200q; write log, witness, group or quorum", words[0])
}

func (p *policyParser) log(words []string) error {
	if len(words) != 1 && len(words) != 2 {
		return errors.New("write it like `log VKEY [URL]`")
	}
	key, err := parseLogKey(words[0])
	if err != nil {
		return err
	}
	for _, other := range p.logs {
		if bytes.Equal(other.key.public, key.public) {
			return errors.New("its public key is already on another line, perhaps under another name; remove one of the two")
		}
	}
	p.logs = append(p.logs, policyLog{key, strings.Join(words[1:], "")})
	return within(len(p.logs), "logs")
}

func (p *policyParser) witness(words []string) error {
	if len(words) != 2 && len(words) != 3 {
		return errors.New("write it like `witness NAME VKEY [URL]`")
	}
	key, err := parseWitnessKey(words[1])
	if err != nil {
		return err
	}
	for _, other := range p.witnesses {
		if other.key.kind == key.kind && bytes.Equal(other.key.public, key.public) {
			return errors.New("its public key is already on another line, perhaps under another name; remove one of the two")
		}
	}
	if err := p.define(words[0]); err != nil {
		return err
	}
	p.witnesses = append(p.witnesses, policyWitness{words[0], key, strings.Join(words[2:], "")})
	return within(len(p.witnesses), "witnesses")
}

func (p *policyParser) group(words []string) error {
	if len(words) < 3 {
		return errors.New("write it like `group NAME all|any|K NAME...`")
	}
	members := slices.Clone(words[2:])
	for _, member := range members {
		if !p.defined[member] {
			return fmt.Errorf("no earlier line defines %.200q; define it first", member)
		}
		if p.used[member] {
			return fmt.Errorf("%.200q is already a member of a group, and each may count only once", member)
		}
		p.used[member] = true
	}
	var threshold int
	switch words[1] {
	case "all":
		threshold = len(members)
	case "any":
		threshold = 1
	default:
		number, err := strconv.Atoi(words[1])
		if err != nil || strconv.Itoa(number) != words[1] || number < 1 || number > len(members) {
			return fmt.Errorf("its threshold must be `all`, `any`, or a number from 1 to %d", len(members))
		}
		threshold = number
	}
	if err := p.define(words[0]); err != nil {
		return err
	}
	p.groups = append(p.groups, policyGroup{words[0], threshold, members})
	return within(len(p.groups), "groups")
}

func (p *policyParser) setQuorum(words []string) error {
	switch {
	case len(words) != 1:
		return errors.New("write it like `quorum NAME|none`")
	case p.quorum != "":
		return errors.New("there is already a quorum; remove one of the two")
	case words[0] != noQuorum && !p.defined[words[0]]:
		return fmt.Errorf("no earlier line defines %.200q; define it first", words[0])
	}
	p.quorum = words[0]
	return nil
}

func (p *policyParser) define(name string) error {
	if name == noQuorum || p.defined[name] {
		return fmt.Errorf("the name %.200q is taken; choose another", name)
	}
	p.defined[name] = true
	return nil
}

func within(count int, what string) error {
	if count > mostInPolicy {
		return fmt.Errorf("a policy may have at most %d %s", mostInPolicy, what)
	}
	return nil
}

// isQuorum says whether these witnesses, by their names, are enough.
func (p *policy) isQuorum(cosigned map[string]bool) bool {
	if p.quorum == noQuorum {
		return true
	}
	has := make(map[string]bool, len(cosigned))
	for name := range cosigned {
		has[name] = true
	}
	// A group's members are defined before it.
	for _, group := range p.groups {
		count := 0
		for _, member := range group.members {
			if has[member] {
				count++
			}
		}
		has[group.name] = count >= group.threshold
	}
	return has[p.quorum]
}

// check accepts the signed note of a checkpoint, or says why not.
func (p *policy) check(data []byte) (*accepted, error) {
	parsed, err := parseNote(data)
	if err != nil {
		return nil, err
	}
	of, err := parseCheckpoint(parsed.text)
	if err != nil {
		return nil, err
	}
	var keys []*verifierKey
	var names []string
	for _, log := range p.logs {
		names = append(names, log.key.name)
		if log.key.name == of.origin {
			keys = append(keys, log.key)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("the policy does not list the log %.200q; it lists %s", of.origin, listed(names, 8))
	}
	signer, err := parsed.verifiedBy(keys)
	if err != nil {
		return nil, err
	}
	times := make(map[string]uint64)
	cosigned := make(map[string]bool)
	var did, missing []string
	for _, witness := range p.witnesses {
		by, err := witness.key.cosigned(parsed, of)
		if err != nil {
			return nil, err
		}
		shown := strings.ToValidUTF8(witness.name, "\uFFFD")
		if by == nil {
			if witness.key.kind == kindMLDSA44 && VerifyMLDSA44 == nil {
				shown += " (the program does not set VerifyMLDSA44, which its key needs)"
			}
			missing = append(missing, shown)
			continue
		}
		did = append(did, shown)
		cosigned[witness.name] = true
		if by.hasTime {
			times[witness.name] = by.at
		}
	}
	if !p.isQuorum(cosigned) {
		return nil, fmt.Errorf("too few of the policy's witnesses cosigned: %s; missing: %s", listed(did, 8), listed(missing, 8))
	}
	return &accepted{of, signer, p.freshAt(times)}, nil
}

// freshAt is the latest time that a quorum's cosignatures all reach.
func (p *policy) freshAt(times map[string]uint64) *uint64 {
	if p.quorum == noQuorum {
		return nil
	}
	var sorted []uint64
	for _, at := range times {
		sorted = append(sorted, at)
	}
	slices.Sort(sorted)
	for _, at := range slices.Backward(sorted) {
		since := make(map[string]bool)
		for name, other := range times {
			if other >= at {
				since[name] = true
			}
		}
		if p.isQuorum(since) {
			return &at
		}
	}
	return nil
}

// String is the text of the policy without comments, or the key alone if that means the same.
func (p *policy) String() string {
	if len(p.logs) == 1 && len(p.witnesses) == 0 && len(p.groups) == 0 && p.quorum == noQuorum && p.logs[0].url == "" {
		return p.logs[0].key.String()
	}
	var text strings.Builder
	word := func(word string) string { return strings.ToValidUTF8(word, "\uFFFD") }
	url := func(url string) string {
		if url == "" {
			return ""
		}
		return " " + word(url)
	}
	for _, log := range p.logs {
		fmt.Fprintf(&text, "log %s%s\n", log.key, url(log.url))
	}
	for _, witness := range p.witnesses {
		fmt.Fprintf(&text, "witness %s %s%s\n", word(witness.name), witness.key, url(witness.url))
	}
	for _, group := range p.groups {
		fmt.Fprintf(&text, "group %s %d", word(group.name), group.threshold)
		for _, member := range group.members {
			fmt.Fprintf(&text, " %s", word(member))
		}
		text.WriteByte('\n')
	}
	fmt.Fprintf(&text, "quorum %s\n", word(p.quorum))
	return text.String()
}

const (
	hour = 60 * 60
	// ahead is how far in the future a cosignature may be: a day, for clocks that take local time for UTC.
	ahead = 24 * hour
)

// errClock says that witnesses vouch for a time in the future: this machine's clock may be behind.
type errClock struct{ by uint64 }

func (e *errClock) Error() string {
	return fmt.Sprintf("its witnesses vouch for it at a time that is %s ahead of this machine's clock, so how old it is cannot be known. "+
		"Either this clock is wrong: set it, and try again; or the witnesses signed a time in the future: then do not use it, "+
		"and tell them and the log's operator", long(e.by))
}

// checkFresh checks that a checkpoint is not older than limit, in seconds, and not from the future. Without
// witnesses nobody vouches for a time.
func (a *accepted) checkFresh(now, limit uint64) error {
	if a.freshAt == nil {
		return nil
	}
	switch at := *a.freshAt; {
	case at > now+ahead:
		return &errClock{at - now}
	case now > at && now-at > limit:
		return fmt.Errorf("the newest head that its witnesses vouch for is %s old, and at most %s is accepted: the server, or a cache, "+
			"may be keeping you on an old config; try again later, and ask the log's operator if this persists", long(now-at), long(limit))
	}
	return nil
}

// long is a length of time in the words of a message.
func long(seconds uint64) string {
	count := func(number uint64, unit string) string {
		if number == 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%d %ss", number, unit)
	}
	switch {
	case seconds >= 24*hour:
		return count(seconds/(24*hour), "day")
	case seconds >= hour:
		return count(seconds/hour, "hour")
	}
	return "less than an hour"
}
