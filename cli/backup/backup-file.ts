/** The file of a backup: it has its name only once it is whole and on the disk. */
import { createHash, type Hash } from 'node:crypto'
import { createReadStream, existsSync, rmSync, statSync } from 'node:fs'
import { type FileHandle, link, open, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import {
  BackupDamagedError,
  type BackupEnd,
  type BackupHead,
  type Block,
  type ChainEnd,
  type ChainHead,
  decodeItems,
  encodeJson,
  jsonOf,
  MAGIC,
  readBlocks,
} from '../../runtime/backup/format.ts'

/** A file; or, in a directory, a name of its own. */
export function targetOf(path: string, now: Date): string {
  const isDirectory = existsSync(path) && statSync(path).isDirectory()
  const stamp = now.toISOString().replace(/[-:]|\.\d+/g, '')
  return isDirectory ? join(path, `catenary-${stamp}.backup`) : path
}

export class BackupWriter {
  readonly path: string
  readonly #partial: string
  readonly #file: FileHandle
  #hash: Hash = createHash('sha256')
  #at = 0
  #items = 0
  /** Where the chain began that is being written. */
  #mark: { at: number; items: number; hash: Hash } | null = null

  private constructor(path: string, partial: string, file: FileHandle) {
    this.path = path
    this.#partial = partial
    this.#file = file
    process.once('exit', this.#onExit)
  }

  /** A process that is interrupted leaves nothing. */
  readonly #onExit = () => rmSync(this.#partial, { force: true })

  /** @throws where the file is there already. */
  static async create(path: string, head: BackupHead): Promise<BackupWriter> {
    if (existsSync(path)) throw new Error(`${path} exists: name another file, or move that one away`)
    const partial = join(dirname(path), `.${basename(path)}.${process.pid}.partial`)
    const writer = new BackupWriter(path, partial, await open(partial, 'w'))
    await writer.write(MAGIC)
    await writer.write(encodeJson('head', head))
    return writer
  }

  get bytes(): number {
    return this.#at
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#hash.update(bytes)
    await this.#file.writev([bytes], this.#at)
    this.#at += bytes.length
  }

  addItems(count: number): void {
    this.#items += count
  }

  /** Where `rewind` goes back to: a chain may have to be begun anew, from another server. */
  beginChain(): void {
    this.#mark = { at: this.#at, items: this.#items, hash: this.#hash.copy() }
  }

  rewind(): void {
    if (this.#mark === null) return
    this.#at = this.#mark.at
    this.#items = this.#mark.items
    this.#hash = this.#mark.hash.copy()
  }

  /** The end of the file, on the disk, under its name. */
  async finish(): Promise<BackupEnd> {
    const end: BackupEnd = { items: this.#items, sha256: this.#hash.copy().digest('hex') }
    await this.write(encodeJson('end', end))
    await this.#file.truncate(this.#at)
    await this.#file.sync()
    await this.#file.close()
    process.off('exit', this.#onExit)
    try {
      await link(this.#partial, this.path) // unlike a rename, it replaces nothing
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      throw new Error(`${this.path} has appeared meanwhile; the backup is in ${this.#partial}`)
    }
    await rm(this.#partial)
    const directory = await open(dirname(this.path), 'r')
    await directory.sync().finally(() => directory.close())
    return end
  }

  async abandon(): Promise<void> {
    process.off('exit', this.#onExit)
    await this.#file.close().catch(() => {})
    await rm(this.#partial, { force: true })
  }
}

export interface BackupSummary {
  readonly head: BackupHead
  readonly chains: readonly ChainHead[]
  readonly end: BackupEnd
  readonly bytes: number
}

export interface BackupVisitor {
  /** Bytes that were read. */
  readonly onBytes?: (count: number) => void
  readonly onItems?: (count: number) => void
  readonly onBlock?: (block: Block) => Promise<void>
}

/**
 * Reads a whole backup and checks all of it: each block's checksum, that nothing is missing, that the counts are right, and the SHA-256 of the whole.
 *
 * @throws {BackupDamagedError} with where and what.
 */
export async function readBackup(
  path: string,
  { onBytes, onItems, onBlock }: BackupVisitor = {},
): Promise<BackupSummary> {
  const order = new Order()
  const hash = createHash('sha256')
  const magic = Buffer.alloc(MAGIC.length)
  const file = await open(path, 'r')
  const { bytesRead } = await file.read(magic, 0, MAGIC.length, 0).finally(() => file.close())
  if (bytesRead < MAGIC.length || !magic.equals(MAGIC))
    throw new BackupDamagedError(`${path} is no backup of catenary: it begins otherwise`)
  hash.update(magic)
  let bytes = MAGIC.length
  const stream: AsyncIterable<Buffer> = createReadStream(path, {
    start: MAGIC.length,
    highWaterMark: 512 * 1024,
  })
  try {
    for await (const block of readBlocks(stream, MAGIC.length)) {
      const items = order.take(block, () => hash.copy().digest('hex'))
      if (items > 0) onItems?.(items)
      hash.update(block.bytes)
      bytes += block.bytes.length
      onBytes?.(block.bytes.length)
      await onBlock?.(block)
    }
    return { ...order.finish(), bytes }
  } catch (error) {
    if (!(error instanceof BackupDamagedError)) throw error
    throw new BackupDamagedError(`${path}: ${error.message}`)
  }
}

/** Which blocks may follow which, and whether they say the same of each other. */
class Order {
  #head: BackupHead | null = null
  #chain: ChainHead | null = null
  #chains: ChainHead[] = []
  #chainItems = 0
  #items = 0
  #end: BackupEnd | null = null

  /** @returns how many items it holds. */
  take(block: Block, sha256: () => string): number {
    if (this.#end !== null) throw new BackupDamagedError('something follows its end')
    if ((block.type === 'head') !== (this.#head === null))
      throw new BackupDamagedError('its head is not where it must be')
    if ((block.type === 'items' || block.type === 'chain-end') !== (this.#chain !== null))
      throw new BackupDamagedError(`a block "${block.type}" stands where none may be`)
    const before = this.#chainItems
    switch (block.type) {
      case 'head':
        this.#head = headOf(block)
        return 0
      case 'chain':
        this.#chain = jsonOf<ChainHead>(block)
        this.#chains.push(this.#chain)
        this.#chainItems = 0
        return 0
      case 'items':
        for (const _ of decodeItems(block.payload)) this.#chainItems++
        return this.#chainItems - before
      case 'chain-end':
        this.#endChain(jsonOf<ChainEnd>(block))
        return 0
      case 'end':
        this.#end = jsonOf<BackupEnd>(block)
        if (this.#end.sha256 !== sha256() || this.#end.items !== this.#items)
          throw new BackupDamagedError('its SHA-256, or the number of its items, is not what was written')
        return 0
    }
  }

  #endChain({ chain, items }: ChainEnd): void {
    if (chain !== this.#chain?.chain || items !== this.#chainItems || items !== this.#chain.keys)
      throw new BackupDamagedError(`${chain} has ${this.#chainItems} items; it should have ${items}`)
    this.#items += items
    this.#chain = null
  }

  finish(): Omit<BackupSummary, 'bytes'> {
    const missing = this.#head?.chains.filter((name) => !this.#chains.some(({ chain }) => chain === name))
    if (this.#head === null || this.#end === null || missing?.length !== 0)
      throw new BackupDamagedError('it has no end: it is incomplete')
    return { head: this.#head, chains: this.#chains, end: this.#end }
  }
}

function headOf(block: Block): BackupHead {
  const head = jsonOf<BackupHead>(block)
  if (head.format !== 1)
    throw new BackupDamagedError(`it has format ${head.format}, and this program reads format 1`)
  return head
}
