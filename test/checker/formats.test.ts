import { describe, expect, test } from 'vitest'
import { HistoryError } from '../../lab/checker/formats/history.ts'
import { readHistory } from '../../lab/checker/formats/read-history.ts'

const HEADER = '{"format":"catenary-history","version":1,"model":"key-value"}'
const PUT = '{"type":"invoke","op":0,"process":"a","time":1,"input":{"f":"put","key":"k","value":"v"}}'
const DONE = '{"type":"ok","op":0,"time":2,"output":{"version":1}}'
const ours = (...lines: string[]) => `${[HEADER, ...lines].join('\n')}\n`
const withModel = (model: string, ...lines: string[]) =>
  `${[HEADER.replace('key-value', model), ...lines].join('\n')}\n`
const jepsen = (...lines: string[]) => lines.map((line) => `INFO  jepsen.util - ${line}\n`).join('')

describe('our format', () => {
  test('answered, failed, open, and without any answer', () => {
    const history = readHistory(
      ours(
        PUT,
        DONE,
        PUT.replace('"op":0', '"op":1'),
        '{"type":"fail","op":1,"time":3,"reason":"NOT_HEAD"}',
        PUT.replace('"op":0', '"op":2'),
        '{"type":"info","op":2,"time":4,"reason":"TIMEOUT"}',
        PUT.replace('"op":0', '"op":3'),
      ),
    )
    expect(history).toMatchObject({
      format: 'catenary',
      model: 'key-value',
      initial: null,
      isTruncated: false,
    })
    expect(history.operations.map(({ id, return: end, output }) => [id, end, output])).toEqual([
      [0, 2, { version: 1 }],
      [2, Number.POSITIVE_INFINITY, null],
      [3, Number.POSITIVE_INFINITY, null],
    ])
  })

  test('what is there at first, and where it comes from', () => {
    const header = HEADER.replace('}', ',"initial":"","about":{"seed":7,"command":"catenary sim --seed 7"}}')
    expect(readHistory(header)).toMatchObject({
      initial: '',
      about: { seed: 7, command: 'catenary sim --seed 7' },
      operations: [],
    })
  })

  test('a last line that was cut off is left out and reported', () => {
    const history = readHistory(ours(PUT) + DONE.slice(0, 20))
    expect(history.isTruncated).toBe(true)
    expect(history.operations).toMatchObject([{ id: 0, output: null }])
  })

  test('line ends of Windows, a byte order mark, empty lines', () => {
    const text = `\uFEFF${ours(PUT, '', DONE).replaceAll('\n', '\r\n')}`
    expect(readHistory(text).operations).toMatchObject([{ id: 0, output: { version: 1 } }])
  })

  test.each([
    ['not even JSON', ours('{"type":"inv', DONE), 'line 2: no JSON: "{\\"type\\":\\"inv"'],
    ['no header', `${PUT}\n${DONE}\n`, 'line 1, format: the first line must be a header'],
    ['a header of something else', '{"format":"x"}', 'line 1, format: "x" is not one of catenary-history'],
    [
      'a newer version',
      HEADER.replace('"version":1', '"version":2'),
      'line 1, version: 2 is not known here, only 1',
    ],
    [
      'an unknown model',
      withModel('queue'),
      'line 1, model: "queue" is not one of register, key-value, transactions, znodes',
    ],
    ['an answer without its call', ours(DONE), 'line 2, op: an answer to 0, which has no invoke'],
    [
      'two answers',
      ours(PUT, DONE, DONE),
      'line 4, op: an answer to 0, which has no open invoke; its answer was in line 3',
    ],
    ['an id used twice at once', ours(PUT, PUT), 'line 3, op: 0 was invoked before, in line 2'],
    [
      'an id used again',
      ours(PUT, DONE, PUT),
      'line 4, op: 0 is used a second time; it was answered in line 3',
    ],
    [
      'an answer before its call',
      ours(PUT, DONE.replace('"time":2', '"time":0')),
      'line 3, time: 0 is before its invoke at 1',
    ],
    ['no time', ours(PUT.replace('"time":1,', '')), 'line 2, time: is missing'],
    ['a time that is none', ours(PUT.replace('"time":1', '"time":"1"')), 'line 2, time: "1" is not a number'],
    [
      'an unknown type',
      ours(PUT.replace('invoke', 'call')),
      'line 2, type: "call" is not one of invoke, ok, fail, info',
    ],
    [
      'an unknown function',
      ours(PUT.replace('"put"', '"push"')),
      'line 2, input.f: "push" is not one of get, put, append, delete, increment, cas, multi-get, txn',
    ],
    ['a key that is no string', ours(PUT.replace('"k"', '7')), 'line 2, input.key: 7 is not a string'],
    [
      'an output that is none',
      ours(PUT, DONE.replace('{"version":1}', '5')),
      'line 3, output: 5 is no object',
    ],
    [
      'a version that is none',
      ours(PUT, DONE.replace('{"version":1}', '{"version":1.5}')),
      'line 3, output.version: 1.5 is not a whole number from 0 on',
    ],
    ['no object', ours('[]'), 'line 2: [] is no object'],
    [
      'several keys where keys are alone',
      ours('{"type":"invoke","op":0,"process":"a","time":1,"input":{"f":"multi-get","keys":["a"]}}'),
      'line 2, input.f: multi-get joins several keys: the model of such a history is "transactions"',
    ],
    [
      'a list with something wrong in it',
      withModel(
        'transactions',
        '{"type":"invoke","op":0,"process":"a","time":1,"input":{"f":"txn","compares":[{"key":"a","expect":{"version":"1"}}],"reads":[],"writes":[]}}',
      ),
      'line 2, input.compares.0.expect.version: "1" is not a whole number from 0 on',
    ],
    [
      'fewer values than keys',
      withModel(
        'transactions',
        '{"type":"invoke","op":0,"process":"a","time":1,"input":{"f":"multi-get","keys":["a","b"]}}',
        '{"type":"ok","op":0,"time":2,"output":{"values":[null]}}',
      ),
      'line 3, output.values: 1 values for 2 keys',
    ],
    [
      'a znode path that is none',
      withModel('znodes', '{"type":"invoke","op":0,"process":"a","time":1,"input":{"f":"read","path":"a"}}'),
      'line 2, input.path: "a" is no path: it begins with /',
    ],
  ])('%s', (_, text, message) => {
    expect(() => readHistory(text)).toThrow(new HistoryError({ line: 0 }, '').constructor as never)
    expect(() => readHistory(text)).toThrow(message)
  })
})

describe('Jepsen’s logs', () => {
  test('reads that timed out say nothing, cas that failed compared', () => {
    const text = jepsen(
      '0\t:invoke\t:read\tnil',
      '1\t:invoke\t:cas\t[1 2]',
      '0\t:fail\t:read\t:timed-out',
      '1\t:fail\t:cas\t[1 2]',
      '2\t:invoke\t:write\t3',
      '2\t:info\t:write\t:timed-out',
    )
    expect(readHistory(text).operations.map(({ output }) => output)).toEqual([{ matched: false }, null])
  })

  test.each([
    [
      'an answer without its call',
      jepsen('0\t:ok\t:read\t1'),
      'line 1, process: an answer to 0, which has no invoke',
    ],
    [
      'a second call',
      jepsen('0\t:invoke\t:read\tnil', '0\t:invoke\t:read\tnil'),
      'line 2, process: 0 calls again, but the call of line 1 has no answer yet',
    ],
    [
      'another answer',
      jepsen('0\t:invoke\t:read\tnil', '0\t:ok\t:write\t1'),
      'line 2, f: an answer to "write", but the process called "read"',
    ],
    ['no number', jepsen('0\t:invoke\t:write\tx'), 'line 1, value: "x" is no number'],
    ['no pair', jepsen('0\t:invoke\t:cas\t3'), 'line 1, value: a cas has [old new], not "3"'],
    ['an unknown function', jepsen('0\t:invoke\t:pop\t3'), 'line 1, f: "pop" is none of read, write, cas'],
    [
      'something else',
      `${jepsen('0\t:invoke\t:read\tnil')}WARN what\n`,
      'line 2: not a line of a Jepsen log: "WARN what"',
    ],
  ])('%s', (_, text, message) => expect(() => readHistory(text)).toThrow(message))
})

describe('EDN', () => {
  const call = '{:process 0, :type :invoke, :f :get, :key "a", :value nil}\n'

  test('strings with marks in them', () => {
    const text = `{:process 0, :type :invoke, :f :put, :key "a b", :value "say \\"x, :y\\" \\\\"}\n`
    expect(readHistory(text)).toMatchObject({
      format: 'edn',
      initial: '',
      operations: [{ input: { f: 'put', key: 'a b', value: 'say "x, :y" \\' } }],
    })
  })

  test('a cut last line', () => {
    expect(readHistory(`${call}{:process 0, :ty`)).toMatchObject({
      isTruncated: true,
      operations: [{ output: null }],
    })
  })

  test.each([
    ['no process', call.replace(':process 0, ', ''), 'line 1, process: is missing'],
    [
      'a process that is none',
      call.replace('0', '"0"'),
      'line 1, process: "0" is a text; it must be a number',
    ],
    [
      'another key',
      `${call}{:process 0, :type :ok, :f :get, :key "b", :value ""}\n`,
      'line 2, key: "b", but the process called "a"',
    ],
    ['an unknown function', call.replace('get', 'pop'), 'line 1, f: "pop" is none of get, put, append'],
    ['no map', `${call}{:process}\n`, 'line 2: not a map of keywords: "{:process}"'],
  ])('%s', (_, text, message) => expect(() => readHistory(text)).toThrow(message))
})

test.each([
  ['nothing', '', 'line 1: nothing is there'],
  ['a poem', 'Roses are red\n', 'line 1: no format that is known begins like this: "Roses are red"'],
])('%s is no history', (_, text, message) => expect(() => readHistory(text)).toThrow(message))
