/**
 * A boot id for each process, so that a power cut can change it: LMDB reads it to tell a crash of the process, after which it trusts its newest commit, from one of
 * the machine, after which it trusts only what was flushed. Every process runs in a mount namespace of its own, in which it sees its own boot id and, of the disks
 * of this torture, its own alone: it would hold on to the others.
 */
import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemCommand } from './system-command.ts'

const BOOT_ID = '/proc/sys/kernel/random/boot_id'
/** $1: file with the boot id. $2: the disk to keep. Then the program. Other loop devices are let go of: those of another torture, too. */
const ENTER = `boot=$1; own=$2; shift 2
while read -r device path rest; do
  case $device in /dev/loop*) [ "$path" = "$own" ] || umount "$path" 2>/dev/null;; esac
done < /proc/self/mounts
mount --bind "$boot" ${BOOT_ID} || exit 1
exec "$@"`

export class BootIds {
  readonly #directory: string
  readonly #disks: ReadonlyMap<string, string>

  /** @param disks - where the disk of each process is mounted. @throws where this machine does not allow it, with the reason. */
  static async open(directory: string, disks: ReadonlyMap<string, string>): Promise<BootIds> {
    mkdirSync(directory, { recursive: true })
    const ids = new BootIds(directory, disks)
    for (const name of disks.keys()) ids.reboot(name)
    const [name = ''] = disks.keys()
    const [program = '', ...words] = [...ids.launcher(name), 'cat', BOOT_ID]
    await systemCommand(program, words)
    return ids
  }

  private constructor(directory: string, disks: ReadonlyMap<string, string>) {
    this.#directory = directory
    this.#disks = disks
  }

  #file(name: string): string {
    return join(this.#directory, name)
  }

  /** From its next start on the process believes that the machine was started anew. */
  reboot(name: string): void {
    writeFileSync(this.#file(name), `${randomUUID()}\n`)
  }

  /** What starts a program under the boot id of its process. */
  launcher(name: string): string[] {
    const own = this.#disks.get(name) ?? ''
    return ['unshare', '-m', '--propagation', 'private', 'sh', '-c', ENTER, 'sh', this.#file(name), own]
  }
}
