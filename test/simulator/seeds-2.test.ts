/** Drawn clusters under drawn faults. Two files, so that they share the cores. */
import { seedsAreWell } from './seeds.ts'

seedsAreWell(31, 60)
