'use strict';
// Finding and loading the files of an app.

const fs = require('fs');
const path = require('path');
const { pathToFileURL } = require('url');

/** JSON as people write it: a byte order mark is fine. `undefined` when there is no such file. */
function readJson(file) {
  if (!fs.existsSync(file)) return undefined;
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8').replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new Error(`${file} is not valid JSON: ${error.message}`);
  }
}

/** Loads a file as Node would: by its extension, else by the package's type. */
async function loadModule(file, packageJson) {
  const isModule =
    /\.m[jt]s$/.test(file) || (packageJson.type === 'module' && !/\.c[jt]s$/.test(file));
  return isModule ? import(pathToFileURL(file).href) : require(file);
}

/** The files that `pattern` (package.json's main) names below `root`, sorted, relative. */
function matchFiles(pattern, root) {
  const found = new Set();
  for (const alternative of expandBraces(pattern.replace(/\\/g, '/').replace(/^\.\//, ''))) {
    if (!/[*?]/.test(alternative)) {
      for (const file of [alternative, `${alternative}.js`, `${alternative}/index.js`]) {
        if (isFile(path.join(root, file))) {
          found.add(file);
          break;
        }
      }
      continue;
    }
    const expression = globExpression(alternative);
    for (const file of filesBelow(root, '')) if (expression.test(file)) found.add(file);
  }
  return [...found].sort();
}

const isFile = (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true;

/** a/{b,c{d,e}}.js -> a/b.js, a/cd.js, a/ce.js (inner braces first). */
function expandBraces(pattern) {
  const braces = /^(.*)\{([^{}]*)\}(.*)$/.exec(pattern);
  if (!braces) return [pattern];
  const [, before, inside, after] = braces;
  return inside.split(',').flatMap((part) => expandBraces(before + part + after));
}

/** `*` and `?` stay within one folder, `**` crosses any number of them. */
function globExpression(pattern) {
  const source = pattern.replace(/\*\*\/|\*\*|\*|\?|[.+^${}()|[\]\\]/g, (token) => {
    if (token === '**/') return '(?:[^/]+/)*';
    if (token === '**') return '.*';
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    return `\\${token}`;
  });
  return new RegExp(`^${source}$`);
}

function* filesBelow(root, folder) {
  for (const entry of fs.readdirSync(path.join(root, folder), { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name.startsWith('.')) continue;
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(root, name);
    else yield name;
  }
}

module.exports = { loadModule, matchFiles, readJson };
