/**
 * A disk of its own for a process: a file system in a file. It can be filled, and its power can be cut: what was not synced, of data as of directories, is then lost, as on a
 * real machine (the file system is shut down without a flush of its journal, and mounted again). That holds for everything on it, the store's own files too. Needs
 * root, loop devices, ext4, and perl for the one call that no shell has.
 */
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  rmSync,
  statfsSync,
  truncateSync,
  unlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { systemCommand } from './system-command.ts'

/** Sparse: takes only what is written to it. */
const DISK_BYTES = 1024 ** 3
const BALLAST = '.ballast'
/** EXT4_IOC_SHUTDOWN, with EXT4_GOING_FLAGS_NOLOGFLUSH: as if the power had gone. */
const SHUT_DOWN =
  'my $f = pack("L", 2); open(F, "<", $ARGV[0]) or die "$!\\n"; ioctl(F, 0x8004587d, $f) or die "$!\\n"'

export class Disk {
  /** Where it is mounted. */
  readonly path: string
  readonly #image: string
  readonly #cleanUp = () => {
    spawnSync('umount', ['-l', this.path])
  }

  private constructor(path: string, image: string) {
    this.path = path
    this.#image = image
  }

  /** @throws where this machine does not allow it, with the reason. */
  static async open(path: string, image: string, bytes = DISK_BYTES): Promise<Disk> {
    if (process.platform !== 'linux') throw new Error('loop devices are Linux')
    if (process.getuid?.() !== 0) throw new Error('only root may mount')
    mkdirSync(path, { recursive: true })
    closeSync(openSync(image, 'wx'))
    truncateSync(image, bytes)
    await systemCommand('mkfs.ext4', ['-q', '-F', '-m', '0', '-J', 'size=8', image])
    const disk = new Disk(path, image)
    await disk.#mount()
    process.on('exit', disk.#cleanUp)
    return disk
  }

  async #mount(): Promise<void> {
    await systemCommand('mount', ['-o', 'loop', this.#image, this.path])
  }

  /** Leaves no byte for anybody, as far as whole blocks go. */
  async fill(): Promise<void> {
    const ballast = join(this.path, BALLAST)
    const { bavail, bsize } = statfsSync(this.path)
    let blocks = bavail
    let bytes = 0
    for (let tries = 0; blocks > 0 && tries < 64; tries++) {
      const wanted = bytes + blocks * bsize
      const took = await systemCommand('fallocate', ['-l', String(wanted), ballast]).then(
        () => true,
        () => false,
      )
      if (took) bytes = wanted
      else blocks = Math.floor(blocks / 2)
      if (took) blocks = Math.min(blocks, Number(statfsSync(this.path).bavail))
    }
  }

  /** Lasting: a power cut right after it does not bring the ballast back. */
  free(): void {
    rmSync(join(this.path, BALLAST), { force: true })
    const directory = openSync(this.path, 'r')
    fsyncSync(directory)
    closeSync(directory)
  }

  /** Loses what was not synced. Nobody may have a file open on it: its process was killed before. */
  async cutPower(): Promise<void> {
    await systemCommand('perl', ['-e', SHUT_DOWN, this.path])
    await systemCommand('umount', [this.path])
    await this.#mount()
  }

  async close(): Promise<void> {
    process.off('exit', this.#cleanUp)
    await systemCommand('umount', [this.path]).catch(() => this.#cleanUp())
    unlinkSync(this.#image)
  }
}
