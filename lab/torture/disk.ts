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
  readdirSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  unlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Rng } from '../simulator/kernel/rng.ts'
import { systemCommand } from './system-command.ts'

/** Sparse: takes only what is written to it. */
const DISK_BYTES = 1024 ** 3
const BALLAST = 'lost+found/ballast'
/** EXT4_IOC_SHUTDOWN, with EXT4_GOING_FLAGS_NOLOGFLUSH: as if the power had gone. */
const SHUT_DOWN =
  'my $f = pack("L", 2); open(F, "<", $ARGV[0]) or die "$!\\n"; ioctl(F, 0x8004587d, $f) or die "$!\\n"'

/** Number of the system call, by processor. */
const SYNC_FILE_RANGE: Readonly<Record<string, number>> = { x64: 277, arm64: 84 }
const RANGE_BYTES = 16 * 1024
/** Of one file, from its beginning. */
const RANGES_MAX = 256
const WRITE_RANGES = `my $call = shift @ARGV;
while (@ARGV) { my ($file, $at) = splice(@ARGV, 0, 2); open(F, "<", $file) or next; syscall($call, fileno(F), int($at), ${RANGE_BYTES}, 7); close(F) }`
/** In the one directory that every new file system has: the rest is its process's alone. */
const PROBE = 'lost+found/probe'
const REMOUNTS_MAX = 40

function syncFile(file: string): void {
  const fd = openSync(file, 'w')
  fsyncSync(fd)
  closeSync(fd)
}

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
    syncFile(join(this.path, PROBE)) // commits the journal
  }

  /**
   * Loses what was not synced; nobody may have a file open on it: its process was killed before. Of what was not synced the kernel may have written any part before, in
   * any order: with dice, some of it is.
   */
  async cutPower(rng: Rng | null = null): Promise<void> {
    if (rng !== null) await this.#writeSome(rng)
    await systemCommand('perl', ['-e', SHUT_DOWN, this.path])
    await systemCommand('umount', [this.path])
    for (let tries = 0; ; tries++) {
      await this.#mount()
      if (this.#isWell() || tries >= REMOUNTS_MAX) return
      // A process that is just being started elsewhere still holds the old one, for some milliseconds.
      await systemCommand('umount', [this.path])
      await sleep(50)
    }
  }

  #isWell(): boolean {
    try {
      closeSync(openSync(join(this.path, PROBE), 'w'))
      return true
    } catch {
      return false
    }
  }

  async #writeSome(rng: Rng): Promise<void> {
    const number = SYNC_FILE_RANGE[process.arch]
    if (number === undefined) return
    const files = readdirSync(this.path, { recursive: true, withFileTypes: true })
    const ranges: string[] = []
    for (const file of files.filter((each) => each.isFile())) {
      const path = join(file.parentPath, file.name)
      const blocks = Math.ceil(statSync(path).size / RANGE_BYTES)
      const share = rng.pick([0, 0.2, 0.8])
      for (let block = 0; block < Math.min(blocks, RANGES_MAX); block++)
        if (rng.chance(share)) ranges.push(path, String(block * RANGE_BYTES))
    }
    await systemCommand('perl', ['-e', WRITE_RANGES, String(number), ...ranges])
    if (rng.chance(0.5)) syncFile(join(this.path, PROBE)) // commits the journal: names and lengths of all files, too
  }

  async close(): Promise<void> {
    process.off('exit', this.#cleanUp)
    await systemCommand('umount', [this.path]).catch(() => this.#cleanUp())
    unlinkSync(this.#image)
  }
}
