import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveLine } from './live-line.ts';

class Screen {
  readonly isTTY: boolean;
  readonly columns = 20;
  written = '';

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  write(text: string): void {
    this.written += text;
  }
}

test('on a terminal the line is redrawn, cut to the width, and other lines appear above it', () => {
  const screen = new Screen(true);
  const line = new LiveLine(screen);
  line.show('Ready');
  line.show('Ready');
  line.show('Busy with a very long answer');
  line.above(() => screen.write('a client left\n'));
  line.end();
  line.above(() => screen.write('bye\n'));
  const busy = '\r\u001b[KBusy with a very l…';
  assert.equal(screen.written, `\r\u001b[KReady${busy}\r\u001b[Ka client left\n${busy}\nbye\n`);
});

test('clear removes the line, and does nothing before the first show', () => {
  const screen = new Screen(true);
  const line = new LiveLine(screen);
  line.clear();
  line.show('12/100 lines');
  line.clear();
  line.end();
  assert.equal(screen.written, '\r\u001b[K12/100 lines\r\u001b[K');
});

test('without a terminal each change is a new line', () => {
  const screen = new Screen(false);
  const line = new LiveLine(screen);
  for (const text of ['Ready', 'Ready', 'Busy with a very long answer']) line.show(text);
  line.end();
  assert.equal(screen.written, 'Ready\nBusy with a very long answer\n');
});
