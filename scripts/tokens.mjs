// A lexer just good enough to tell code from comments, strings and regular expressions. TypeScript 7 is a native
// compiler without a stable JavaScript API, and the checks here need words and import clauses, not a syntax tree.

/**
 * @typedef {object} Token
 * @property {'word' | 'string' | 'number' | 'regex' | 'punctuation'} type
 * @property {string} text - a string's is its content, without quotes; a template's pieces are strings, too
 * @property {number} line - from 1
 * @property {boolean} startsLine - nothing but space or comment stands before it on its line
 */

const WORD = /[\p{ID_Start}$_#][\p{ID_Continue}$\u200c\u200d]*/uy
const NUMBER = /\d[\w.]*/y
const SPACE = /[^\S\n]+/y

/** After these words a slash opens a regular expression; after any other word it divides. */
const BEFORE_REGEX = new Set([
  'return',
  'typeof',
  'case',
  'do',
  'else',
  'in',
  'of',
  'void',
  'delete',
  'throw',
  'yield',
  'await',
])

/** @param {string} source @returns {Token[]} */
export function tokenize(source) {
  return new Lexer(source).run()
}

class Lexer {
  #source
  #at = 0
  #line = 1
  #startsLine = true
  /** @type {Token[]} */
  #tokens = []
  /** For each template being read, how many braces are open inside its current `${`. */
  #templateBraces = []

  constructor(source) {
    this.#source = source
  }

  run() {
    if (this.#source.startsWith('#!')) this.#skipLine()
    while (this.#at < this.#source.length) this.#next()
    return this.#tokens
  }

  #next() {
    const char = this.#source[this.#at]
    const pair = this.#source.slice(this.#at, this.#at + 2)
    if (char === '\n') return this.#newline()
    if (this.#match(SPACE) !== null) return
    if (pair === '//') return this.#skipLine()
    if (pair === '/*') return this.#skipBlockComment()
    if (char === "'" || char === '"') return this.#string(char)
    if (char === '`') return this.#template()
    if (char === '}' && this.#templateBraces.at(-1) === 0) return this.#template()
    const word = this.#match(WORD)
    if (word !== null) return this.#push('word', word)
    const number = this.#match(NUMBER)
    if (number !== null) return this.#push('number', number)
    if (char === '/' && this.#regexMayStart() && this.#regex()) return
    this.#punctuation(char)
  }

  #punctuation(char) {
    const depth = this.#templateBraces.length - 1
    if (depth >= 0 && char === '{') this.#templateBraces[depth]++
    if (depth >= 0 && char === '}') this.#templateBraces[depth]--
    this.#at++
    this.#push('punctuation', char)
  }

  #newline() {
    this.#at++
    this.#line++
    this.#startsLine = true
  }

  #skipLine() {
    const end = this.#source.indexOf('\n', this.#at)
    this.#at = end === -1 ? this.#source.length : end
  }

  #skipBlockComment() {
    const end = this.#source.indexOf('*/', this.#at + 2)
    this.#countLinesTo(end === -1 ? this.#source.length : end + 2)
  }

  #string(quote) {
    const start = this.#at + 1
    let end = start
    while (end < this.#source.length && this.#source[end] !== quote && this.#source[end] !== '\n') {
      end += this.#source[end] === '\\' ? 2 : 1
    }
    this.#push('string', this.#source.slice(start, end))
    this.#countLinesTo(end + 1)
  }

  /** Reads from a backtick, or from the brace that ends a `${`, to the next `${` or to the closing backtick. */
  #template() {
    if (this.#source[this.#at] === '}') this.#templateBraces.pop()
    const start = this.#at + 1
    let end = start
    while (end < this.#source.length && this.#source[end] !== '`' && !this.#source.startsWith('${', end)) {
      end += this.#source[end] === '\\' ? 2 : 1
    }
    this.#push('string', this.#source.slice(start, end))
    if (this.#source[end] === '$') {
      this.#templateBraces.push(0)
      this.#countLinesTo(end + 2)
    } else {
      this.#countLinesTo(end + 1)
    }
  }

  #regexMayStart() {
    const previous = this.#tokens.at(-1)
    if (previous === undefined) return true
    if (previous.type === 'word') return BEFORE_REGEX.has(previous.text)
    return previous.type === 'punctuation' && !')]}'.includes(previous.text)
  }

  /** False where no slash closes on this line: then it was a division after all. */
  #regex() {
    const match = this.#match(/\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y)
    if (match !== null) this.#push('regex', match)
    return match !== null
  }

  /** @param {RegExp} pattern - sticky */
  #match(pattern) {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#source)
    if (match === null) return null
    this.#at += match[0].length
    return match[0]
  }

  #countLinesTo(end) {
    for (let i = this.#at; i < end; i++) if (this.#source[i] === '\n') this.#line++
    this.#at = end
  }

  #push(type, text) {
    this.#tokens.push({ type, text, line: this.#line, startsLine: this.#startsLine })
    this.#startsLine = false
  }
}

/**
 * @typedef {object} Import
 * @property {string} specifier
 * @property {number} line
 * @property {boolean} typeOnly - erased by the compiler: names types, runs nothing
 */

/** Every `import`, `export ... from`, `import()` and `require()` whose specifier is a literal. @param {Token[]} tokens @returns {Import[]} */
export function importsOf(tokens) {
  const imports = []
  tokens.forEach((token, i) => {
    if (token.type !== 'word' || tokens[i - 1]?.text === '.') return
    const next = tokens[i + 1]
    if (token.text === 'import' && next?.type === 'string') {
      imports.push({ specifier: next.text, line: next.line, typeOnly: false })
    } else if ((token.text === 'import' || token.text === 'require') && isMark(next, '(')) {
      const argument = tokens[i + 2]
      if (argument?.type === 'string')
        imports.push({ specifier: argument.text, line: argument.line, typeOnly: false })
    } else if (token.text === 'import' || token.text === 'export') {
      const found = importClause(tokens, i)
      if (found !== null) imports.push(found)
    }
  })
  return imports
}

/** Follows the words, braces, commas and stars of an import or export clause to its `from '...'`. */
function importClause(tokens, start) {
  const first = tokens[start + 1]
  const second = tokens[start + 2]
  const typeOnly =
    first?.text === 'type' &&
    second?.text !== ',' &&
    !(second?.text === 'from' && tokens[start + 3]?.type === 'string')
  const clauseStart = tokens[start + (typeOnly ? 2 : 1)]
  if (tokens[start]?.text === 'export' && !isMark(clauseStart, '{') && !isMark(clauseStart, '*')) return null
  let inBraces = false
  for (let i = start + 1; i < tokens.length; i++) {
    const token = tokens[i]
    if (isMark(token, '{')) inBraces = true
    else if (isMark(token, '}')) inBraces = false
    else if (!inBraces && token.text === 'from' && tokens[i + 1]?.type === 'string') {
      return { specifier: tokens[i + 1].text, line: tokens[i + 1].line, typeOnly }
    } else if (token.type !== 'word' && token.type !== 'string' && !isMark(token, ',') && !isMark(token, '*'))
      return null
  }
  return null
}

/** @param {Token | undefined} token @param {string} text */
export function isMark(token, text) {
  return token?.type === 'punctuation' && token.text === text
}
