//! The machine that a pickle is a program for.

use std::collections::BTreeMap;

use super::{Id, Name, Node, Pickle, Storage, View};
use crate::weights::fault::CheckpointFault;

enum Slot {
    Mark,
    Value(Id),
}

/// Its state between two instructions.
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    stack: Vec<Slot>,
    memo: BTreeMap<u32, Id>,
}

impl Pickle {
    /// Reads the pickle that starts at the first byte.
    ///
    /// **Errors** a name outside the list, an instruction that state dicts do not use, a cut or malformed pickle.
    pub(in crate::weights) fn read(bytes: &[u8]) -> Result<Self, CheckpointFault> {
        Machine::new(bytes).run()
    }
}

impl<'a> Machine<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Machine { bytes, at: 0, nodes: Vec::new(), stack: Vec::new(), memo: BTreeMap::new() }
    }

    /// Runs to the end and gives what then lies on top.
    fn run(mut self) -> Result<Pickle, CheckpointFault> {
        while self.step()? {}
        let root = self.pop()?;
        Ok(Pickle { nodes: self.nodes, root, len: self.at })
    }

    /// One instruction; false at the end.
    fn step(&mut self) -> Result<bool, CheckpointFault> {
        let at = self.at;
        match self.byte()? {
            b'.' => return Ok(false),
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'(' => self.stack.push(Slot::Mark),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(Slot::Value(top));
            }
            opcode @ (b'N' | b'G' | 0x88 | 0x89 | b'K' | b'M' | b'J' | 0x8a | 0x8b) => self.scalar(opcode)?,
            opcode @ (b'X' | 0x8c | 0x8d | b'T' | b'U' | b'B' | b'C' | 0x8e) => self.text(opcode)?,
            opcode @ (b')' | 0x85 | 0x86 | 0x87 | b't' | b']' | b'l' | b'}' | b'd') => self.container(opcode)?,
            opcode @ (0x8f | 0x91) => {
                if opcode == 0x91 {
                    self.pop_to_mark()?;
                }
                self.push(Node::Opaque);
            }
            opcode @ (b'a' | b'e' | b's' | b'u' | 0x90) => self.fill(opcode)?,
            opcode @ (b'q' | b'r' | 0x94 | b'h' | b'j') => self.remember(opcode)?,
            opcode @ (b'c' | 0x93) => self.name(opcode)?,
            b'Q' => self.persistent()?,
            b'R' | 0x81 => self.call()?,
            // The state of an object: attributes of dicts and tensors, which weights do not need.
            b'b' => drop(self.pop()?),
            opcode => {
                let what =
                    format!("has the pickle instruction 0x{opcode:02x} at byte {at}, which state dicts do not use");
                return Err(CheckpointFault::NotPlainData { what });
            }
        }
        Ok(true)
    }

    fn scalar(&mut self, opcode: u8) -> Result<(), CheckpointFault> {
        let node = match opcode {
            b'N' => Node::Opaque,
            b'G' => {
                self.take(8)?;
                Node::Opaque
            }
            0x88 => Node::Bool(true),
            0x89 => Node::Bool(false),
            b'K' => Node::Int(i128::from(self.byte()?)),
            b'M' => Node::Int(self.number(2)?),
            b'J' => Node::Int(i128::from(self.number(4)? as u32 as i32)),
            _ => {
                let len = if opcode == 0x8a { usize::from(self.byte()?) } else { self.length(4)? };
                self.long(len)?
            }
        };
        self.push(node);
        Ok(())
    }

    /// A little-endian number with sign; one of more than 128 bits is of no use here.
    fn long(&mut self, len: usize) -> Result<Node, CheckpointFault> {
        let bytes = self.take(len)?;
        if len > 16 {
            return Ok(Node::Opaque);
        }
        let fill = if bytes.last().is_some_and(|last| last & 0x80 != 0) { 0xff } else { 0 };
        let mut wide = [fill; 16];
        wide[..len].copy_from_slice(bytes);
        Ok(Node::Int(i128::from_le_bytes(wide)))
    }

    fn text(&mut self, opcode: u8) -> Result<(), CheckpointFault> {
        let len = match opcode {
            0x8c | b'U' | b'C' => self.length(1)?,
            b'X' | b'T' | b'B' => self.length(4)?,
            _ => self.length(8)?,
        };
        let bytes = self.take(len)?;
        let node = match opcode {
            b'B' | b'C' | 0x8e => Node::Opaque,
            _ => match std::str::from_utf8(bytes) {
                Ok(text) => Node::Text(text.to_owned()),
                // A byte string of Python 2 that is no text: a name it cannot be.
                Err(_) if matches!(opcode, b'T' | b'U') => Node::Opaque,
                Err(_) => return Err(self.malformed("a text is not UTF-8")),
            },
        };
        self.push(node);
        Ok(())
    }

    fn container(&mut self, opcode: u8) -> Result<(), CheckpointFault> {
        let node = match opcode {
            b')' | b']' => Node::Sequence(Vec::new()),
            b'}' => Node::Dict(Vec::new()),
            b't' | b'l' => Node::Sequence(self.pop_to_mark()?),
            b'd' => Node::Dict(self.pairs()?),
            _ => {
                let mut items = (0..=opcode - 0x85).map(|_| self.pop()).collect::<Result<Vec<_>, _>>()?;
                items.reverse();
                Node::Sequence(items)
            }
        };
        self.push(node);
        Ok(())
    }

    /// Adds items to the list or dict below them.
    fn fill(&mut self, opcode: u8) -> Result<(), CheckpointFault> {
        let malformed = self.malformed("items are added to what is no list or dict");
        let (items, pairs) = match opcode {
            b'a' => (vec![self.pop()?], Vec::new()),
            b'e' | 0x90 => (self.pop_to_mark()?, Vec::new()),
            b's' => {
                let value = self.pop()?;
                (Vec::new(), vec![(self.pop()?, value)])
            }
            _ => (Vec::new(), self.pairs()?),
        };
        let id = self.top()?;
        match &mut self.nodes[id] {
            Node::Sequence(list) if pairs.is_empty() => list.extend(items),
            Node::Dict(dict) if items.is_empty() => dict.extend(pairs),
            // A set or an object, whose items are of no use.
            Node::Opaque | Node::Foreign(_) => {}
            _ => return Err(malformed),
        }
        Ok(())
    }

    fn remember(&mut self, opcode: u8) -> Result<(), CheckpointFault> {
        let key = match opcode {
            b'q' | b'h' => self.number(1)? as u32,
            b'r' | b'j' => self.number(4)? as u32,
            _ => self.memo.len() as u32,
        };
        if matches!(opcode, b'h' | b'j') {
            let id = *self.memo.get(&key).ok_or_else(|| self.malformed("a value is used before it is made"))?;
            self.stack.push(Slot::Value(id));
        } else {
            let top = self.top()?;
            self.memo.insert(key, top);
        }
        Ok(())
    }

    /// The door: names that reach the system are refused here, before anything can be made with them; of others nothing is known
    /// but how they are called.
    fn name(&mut self, opcode: u8) -> Result<(), CheckpointFault> {
        let (module, name) = if opcode == b'c' {
            (self.line()?, self.line()?)
        } else {
            let name = self.pop_text()?;
            (self.pop_text()?, name)
        };
        let known = Name::of(&module, &name);
        let known = known.ok_or_else(|| CheckpointFault::NotPlainData {
            what: format!("asks for `{module}.{name}`, which could run code and is not part of a state dict"),
        })?;
        self.push(match known {
            Name::Foreign => Node::Foreign(format!("{module}.{name}")),
            known => Node::Name(known),
        });
        Ok(())
    }

    /// A reference to a storage: `("storage", type, key, place, length, view)`.
    fn persistent(&mut self) -> Result<(), CheckpointFault> {
        let malformed = self.malformed("a reference is not to a storage");
        let id = self.pop()?;
        let Node::Sequence(parts) = &self.nodes[id] else { return Err(malformed) };
        let (Some(kind), Some(key)) = (parts.get(1), parts.get(2)) else { return Err(malformed) };
        let (Node::Name(Name::Storage(kind)), Node::Text(key)) = (&self.nodes[*kind], &self.nodes[*key]) else {
            return Err(malformed);
        };
        // The view, in old files only: key, first value, length.
        let view = parts.get(5).and_then(|&view| match &self.nodes[view] {
            Node::Sequence(view) => view.get(1).copied(),
            _ => None,
        });
        let offset = view.map_or(Ok(0), |offset| self.size(offset))?;
        let storage = Storage { key: key.clone(), kind: *kind, offset };
        self.push(Node::Storage(storage));
        Ok(())
    }

    /// What Python would call: here one of few ways to put data together.
    fn call(&mut self) -> Result<(), CheckpointFault> {
        let malformed = self.malformed("something is called that cannot be");
        let (arguments, callee) = (self.pop()?, self.pop()?);
        if let Node::Foreign(name) = &self.nodes[callee] {
            let result = Node::Foreign(name.clone());
            self.push(result);
            return Ok(());
        }
        let (Node::Name(name), Node::Sequence(arguments)) = (&self.nodes[callee], &self.nodes[arguments]) else {
            return Err(malformed);
        };
        let first = arguments.first().copied();
        let node = match name {
            // What makes the missing entries of a `defaultdict` is no entry.
            Name::Dict if first.is_some_and(|first| matches!(self.nodes[first], Node::Foreign(_) | Node::Opaque)) => {
                Node::Dict(Vec::new())
            }
            Name::Dict => Node::Dict(first.map_or(Ok(Vec::new()), |list| self.dict_of(list))?),
            Name::RebuildTensor => Node::Tensor(self.tensor(arguments)?),
            Name::RebuildParameter | Name::Size => {
                self.stack.push(Slot::Value(first.ok_or(malformed)?));
                return Ok(());
            }
            Name::Ignored | Name::Foreign => Node::Opaque,
            Name::Storage(_) => return Err(malformed),
        };
        self.push(node);
        Ok(())
    }

    /// Python 2's ordered dict: made from a list of pairs.
    fn dict_of(&self, list: Id) -> Result<Vec<(Id, Id)>, CheckpointFault> {
        let malformed = || self.malformed("a dict is not made of pairs");
        let Node::Sequence(items) = &self.nodes[list] else { return Err(malformed()) };
        let pair = |&item: &Id| match &self.nodes[item] {
            Node::Sequence(pair) if pair.len() == 2 => Ok((pair[0], pair[1])),
            _ => Err(malformed()),
        };
        items.iter().map(pair).collect()
    }

    /// `(storage, first value, shape, strides, …)`.
    fn tensor(&self, arguments: &[Id]) -> Result<View, CheckpointFault> {
        let malformed = || self.malformed("a tensor is not made of storage, offset, shape and strides");
        let [storage, offset, shape, strides, ..] = arguments else { return Err(malformed()) };
        let Node::Storage(storage) = &self.nodes[*storage] else { return Err(malformed()) };
        let sizes = |&id: &Id| match &self.nodes[id] {
            Node::Sequence(items) => items.iter().map(|&item| self.size(item)).collect::<Result<Vec<_>, _>>(),
            _ => Err(malformed()),
        };
        let (shape, strides) = (sizes(shape)?, sizes(strides)?);
        if shape.len() != strides.len() {
            return Err(malformed());
        }
        Ok(View { storage: storage.clone(), offset: self.size(*offset)?, shape, strides })
    }

    fn size(&self, id: Id) -> Result<usize, CheckpointFault> {
        match &self.nodes[id] {
            Node::Int(value) => usize::try_from(*value).map_err(|_| self.malformed("a size is negative or too large")),
            _ => Err(self.malformed("a size is not a number")),
        }
    }

    fn push(&mut self, node: Node) {
        self.stack.push(Slot::Value(self.nodes.len()));
        self.nodes.push(node);
    }

    fn pop(&mut self) -> Result<Id, CheckpointFault> {
        match self.stack.pop() {
            Some(Slot::Value(id)) => Ok(id),
            _ => Err(self.malformed("a value is missing")),
        }
    }

    fn top(&self) -> Result<Id, CheckpointFault> {
        match self.stack.last() {
            Some(Slot::Value(id)) => Ok(*id),
            _ => Err(self.malformed("a value is missing")),
        }
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, CheckpointFault> {
        let mut items = Vec::new();
        loop {
            match self.stack.pop() {
                Some(Slot::Value(id)) => items.push(id),
                Some(Slot::Mark) => break,
                None => return Err(self.malformed("a mark is missing")),
            }
        }
        items.reverse();
        Ok(items)
    }

    fn pairs(&mut self) -> Result<Vec<(Id, Id)>, CheckpointFault> {
        let items = self.pop_to_mark()?;
        match items.as_chunks::<2>() {
            (pairs, []) => Ok(pairs.iter().map(|&[key, value]| (key, value)).collect()),
            _ => Err(self.malformed("a key has no value")),
        }
    }

    fn pop_text(&mut self) -> Result<String, CheckpointFault> {
        let id = self.pop()?;
        match &self.nodes[id] {
            Node::Text(text) => Ok(text.clone()),
            _ => Err(self.malformed("a name is not a text")),
        }
    }

    fn byte(&mut self) -> Result<u8, CheckpointFault> {
        Ok(self.take(1)?[0])
    }

    fn take(&mut self, len: usize) -> Result<&[u8], CheckpointFault> {
        let end = self.at.checked_add(len).filter(|&end| end <= self.bytes.len());
        let end = end.ok_or(CheckpointFault::Truncated { at: self.bytes.len(), what: "the pickle" })?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn number(&mut self, len: usize) -> Result<i128, CheckpointFault> {
        let mut wide = [0; 16];
        wide[..len].copy_from_slice(self.take(len)?);
        Ok(i128::from_le_bytes(wide))
    }

    fn length(&mut self, len: usize) -> Result<usize, CheckpointFault> {
        // Longer than memory is longer than the file, which `take` finds.
        Ok(usize::try_from(self.number(len)?).unwrap_or(usize::MAX))
    }

    fn line(&mut self) -> Result<String, CheckpointFault> {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().position(|&byte| byte == b'\n');
        let len = len.ok_or(CheckpointFault::Truncated { at: self.bytes.len(), what: "the pickle" })?;
        let line = String::from_utf8_lossy(&rest[..len]).into_owned();
        self.at += len + 1;
        Ok(line)
    }

    fn malformed(&self, problem: &'static str) -> CheckpointFault {
        CheckpointFault::Malformed { at: self.at, problem }
    }
}
