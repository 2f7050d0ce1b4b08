package source

import "slices"

// maxSent is how many transitions are kept.
const maxSent = 64

// sent are the newest transitions, kept so that the redelivery of the event that
// caused one publishes it again. They are encoded compactly, as the logs are.
type sent []Change

func (s *sent) limit(most int) {
	if over := len(*s) - most; over > 0 {
		*s = slices.Delete(*s, 0, over)
	}
}

// MarshalBinary implements encoding.BinaryMarshaler. Equal transitions give equal
// bytes.
func (s sent) MarshalBinary() ([]byte, error) {
	w := newCompactWriter(len(s))
	var facet, from, to, id, reason, by uint64
	w.number(uint64(len(s)))
	before := int64(0)
	for i := range s {
		c := &s[i]
		at := c.At.UnixMilli()
		w.signed(at - before)
		before = at
		w.text(&facet, string(c.Facet))
		if c.From == nil {
			w.number(0)
		} else {
			w.number(1)
			w.text(&from, string(*c.From))
		}
		w.text(&to, string(c.To))
		w.text(&id, c.EventID)
		w.text(&reason, c.Reason)
		w.text(&by, c.By)
	}
	return w.encoded(), nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler. After an error the
// transitions are as they were.
func (s *sent) UnmarshalBinary(encoded []byte) error {
	const least = 7 // bytes of a transition: one for each field
	r := newCompactReader(encoded)
	read := make(sent, r.count(least))
	before := int64(0)
	for i := range read {
		c := &read[i]
		before += r.signed()
		c.At = instant(before)
		c.Facet = Facet(r.text())
		if r.number() != 0 {
			from := Value(r.text())
			c.From = &from
		}
		c.To = Value(r.text())
		c.EventID, c.Reason, c.By = r.text(), r.text(), r.text()
	}
	if !r.whole() {
		return errCompact
	}
	*s = read
	return nil
}

// UnmarshalCBOR implements cbor.Unmarshaler, for what MarshalBinary gave.
func (s *sent) UnmarshalCBOR(data []byte) error { return unmarshalBytes(data, s) }
