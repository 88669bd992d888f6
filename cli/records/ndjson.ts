/** Cuts a stream into lines. Memory is bounded by one line. */

export interface NumberedLine {
  /** From 1 on. */
  readonly number: number
  /** Without its line end; null: longer than any record can be. */
  readonly bytes: Buffer | null
}

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** @param onBytes - hears how many bytes have been read. */
export async function* linesOf(
  stream: AsyncIterable<Buffer>,
  lineBytesMax: number,
  onBytes: (count: number) => void = () => {},
): AsyncGenerator<NumberedLine, void, void> {
  let number = 1
  let parts: Buffer[] = []
  let length = 0
  const add = (part: Buffer) => {
    length += part.length
    if (length > lineBytesMax) parts = []
    else parts.push(part)
  }
  const take = (): NumberedLine => {
    const [first] = parts
    const whole = parts.length === 1 && first !== undefined ? first : Buffer.concat(parts)
    const bytes = whole.at(-1) === CARRIAGE_RETURN ? whole.subarray(0, -1) : whole
    const line = { number: number++, bytes: length > lineBytesMax ? null : bytes }
    parts = []
    length = 0
    return line
  }
  for await (const chunk of stream) {
    let from = 0
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      add(chunk.subarray(from, end))
      from = end + 1
      yield take()
    }
    if (from < chunk.length) add(chunk.subarray(from))
    onBytes(chunk.length)
  }
  if (length > 0) yield take()
}
