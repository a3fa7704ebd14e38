/* What the pages of help need of the explorer: its head. They are read without any script too. */

import "./header.js";
