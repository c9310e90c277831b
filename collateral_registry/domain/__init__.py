"""Pure rules of lending: types, cover, judgement, cure."""
