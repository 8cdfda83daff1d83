/**
 * Function vectors: arithmetic of times and durations, and the ticks of timers, over
 * `src/base/time.ts`.
 */
import {
  firstTick,
  floorTime,
  isMultipleOf,
  millis,
  minutes,
  nextTick,
  seconds,
  timesTo,
  timesUntil,
} from '../../src/base/time.ts'
import type { Json } from '../../src/dstream/shape.ts'
import { isList, numberIn, numberOf, objectOf } from './vector.ts'

type Numbers = (...operands: readonly number[]) => Json

const at = (operands: readonly number[], index: number): number => operands[index] ?? Number.NaN

/** A binary operation on two numbers of milliseconds. */
const two =
  (f: (a: number, b: number) => Json): Numbers =>
  (...operands) =>
    f(at(operands, 0), at(operands, 1))

/** Of times and durations alike: both are whole milliseconds. */
const COMMON: Readonly<Record<string, Numbers>> = {
  less: two((a, b) => a < b),
  lessEq: two((a, b) => a <= b),
  greater: two((a, b) => a > b),
  greaterEq: two((a, b) => a >= b),
  equals: two((a, b) => a === b),
  plus: two((a, b) => a + b),
  minus: two((a, b) => a - b),
  min: two(Math.min),
  max: two(Math.max),
  isMultipleOf: two((a, b) => isMultipleOf(a, millis(b))),
}

const OWN: Readonly<Record<string, Numbers>> = {
  'Duration.times': two((a, b) => millis(a * b)),
  'Duration.div': two((a, b) => a / b),
  'Duration.isZero': (...operands) => at(operands, 0) === 0,
  'Duration.Milliseconds': (...operands) => millis(at(operands, 0)),
  'Duration.Seconds': (...operands) => seconds(at(operands, 0)),
  'Duration.Minutes': (...operands) => minutes(at(operands, 0)),
  'Time.minusTime': two((a, b) => a - b),
  'Time.minusDuration': two((a, b) => a - b),
  'Time.floor': two((time, period) => floorTime(time, millis(period))),
  'Time.floorWithZero': (...operands) =>
    floorTime(at(operands, 0), millis(at(operands, 1)), at(operands, 2)),
  'Time.until': (...operands) =>
    timesUntil(at(operands, 0), at(operands, 1), millis(at(operands, 2))),
  'Time.to': (...operands) => timesTo(at(operands, 0), at(operands, 1), millis(at(operands, 2))),
}

function numbersFunction(name: string): Numbers | undefined {
  if (Object.hasOwn(OWN, name)) return OWN[name]
  const [type, method = ''] = name.split('.')
  const common = type === 'Duration' || type === 'Time'
  return common && Object.hasOwn(COMMON, method) ? COMMON[method] : undefined
}

const TICKS: Readonly<Record<string, (argument: Json) => Json>> = {
  getStartTime: (argument) => {
    const given = objectOf(argument, 'argument')
    return firstTick(numberOf(given['nowMs'], 'nowMs'), period(given['periodMs']))
  },
  getRestartTime: (argument) => {
    const given = objectOf(argument, 'argument')
    const zero = numberIn(given, 'originalStartTime') ?? 0
    return nextTick(numberOf(given['nowMs'], 'nowMs'), period(given['periodMs']), zero)
  },
}

const period = (value: Json | undefined): ReturnType<typeof millis> =>
  millis(numberOf(value, 'periodMs'))

/**
 * The function that a vector names, as one from its argument list to its result; undefined where it
 * is not ours yet.
 */
export function functionOf(name: string): ((input: readonly Json[]) => Json) | undefined {
  const numbers = numbersFunction(name)
  if (numbers !== undefined) {
    return ([operands]) => {
      const list = isList(operands) ? operands : [operands]
      return numbers(...list.map((x) => numberOf(x, 'operand')))
    }
  }
  const tick = Object.hasOwn(TICKS, name) ? TICKS[name] : undefined
  return tick && (([argument]) => tick(argument ?? null))
}
