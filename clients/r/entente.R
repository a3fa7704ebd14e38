# Reads an Entente service from R. Needs R 4.0 or newer and jsonlite; nothing else.
#
#   source("clients/r/entente.R")
#   service <- entente("http://127.0.0.1:8000")
#   events <- entente_events(service, actor = "ARM", since = "2018")
#   attr(events, "permalink")   # what to cite
#
# Parameters are those of the HTTP API; a vector of several values is repeated.

# Make a connection to a service. A key is sent with each request. A busy service is asked again,
# `attempts` times in all, after the seconds that it names, if these are at most `longest_pause`.
entente <- function(url = "http://127.0.0.1:8000", key = NULL, attempts = 5, longest_pause = 60) {
  if (attempts < 1) stop("attempts must be at least 1")
  structure(
    list(url = sub("/+$", "", url), key = key, attempts = attempts, longest_pause = longest_pause),
    class = "entente"
  )
}

# Read an address of the API as an R list.
entente_get <- function(service, path, ...) {
  text <- entente_read_text(service, entente_address(service, path, list(...)))
  jsonlite::fromJSON(text, simplifyVector = FALSE)
}

# Read a list to its end, page by page: a data frame whose nested fields are list columns. Its
# attributes `permalink`, `version` and `reason` say what to cite, and why it is empty if it is.
entente_list <- function(service, path, ..., pages = Inf) {
  address <- entente_address(service, path, list(...))
  parts <- list()
  first <- NULL
  while (!is.null(address) && length(parts) < pages) {
    page <- jsonlite::fromJSON(entente_read_text(service, address), simplifyVector = FALSE)
    if (is.null(first)) first <- page
    parts[[length(parts) + 1]] <- page$data
    following <- page$links[["next"]]
    address <- if (is.null(following)) NULL else paste0(service$url, following)
  }
  rows <- entente_join_pages(parts)
  permalink <- first$links$permalink
  attr(rows, "permalink") <- if (is.null(permalink)) NULL else paste0(service$url, permalink)
  attr(rows, "version") <- first$meta$version
  attr(rows, "reason") <- first$meta$reason
  rows
}

# Read every event of a filter as a data frame: the flat columns of CSV, with days as Date, instants
# as POSIXct, and codes such as `cameo` as text, so that their zeros stay.
entente_events <- function(service, ...) {
  asked <- list(...)
  asked$format <- "csv"
  rows <- entente_read_csv(service, entente_address(service, "/v1/events", asked))
  page <- do.call(entente_get, c(list(service, "/v1/events"), list(...)[names(list(...)) != "limit"], limit = 1))
  permalink <- page$links$permalink
  if (!is.null(permalink)) {
    attr(rows, "permalink") <- paste0(service$url, sub("([?&])limit=1(&|$)", "\\1", permalink))
  }
  attr(rows, "version") <- page$meta$version
  attr(rows, "reason") <- page$meta$reason
  rows
}

# Read the changes after a `seq`, or from a `position` that an earlier call returned as attribute.
entente_changes <- function(service, after = 0, position = NULL, ...) {
  address <- if (is.null(position)) {
    entente_address(service, "/v1/changes", list(after = after, limit = 1000, ...))
  } else {
    position
  }
  parts <- list()
  repeat {
    page <- jsonlite::fromJSON(entente_read_text(service, address), simplifyVector = FALSE)
    parts[[length(parts) + 1]] <- page$data
    if (is.null(page$links[["next"]])) break
    address <- paste0(service$url, page$links[["next"]])
  }
  rows <- entente_join_pages(parts)
  attr(rows, "position") <- address
  rows
}

# Make one data frame of the rows of pages. All rows are read together, so that a column has the
# same type wherever a page ends, and a field that only some rows have is NA in the others.
entente_join_pages <- function(parts) {
  rows <- do.call(c, parts)
  if (length(rows) == 0) return(data.frame())
  jsonlite::fromJSON(jsonlite::toJSON(rows, auto_unbox = TRUE, null = "null", digits = NA))
}

# Save every event of a filter as Parquet, for arrow::read_parquet() or duckdb.
entente_save_parquet <- function(service, file, ...) {
  asked <- list(...)
  asked$format <- "parquet"
  entente_download(service, entente_address(service, "/v1/events", asked), file)
}

# List the files of whole datasets; `href` is what entente_save_dump() takes.
entente_dumps <- function(service, dataset = NULL) {
  entente_list(service, "/v1/dumps", dataset = dataset)
}

# Save a file of a dataset, and check its length.
entente_save_dump <- function(service, dump, folder = ".") {
  file <- file.path(folder, basename(dump$filename))
  entente_download(service, paste0(service$url, dump$href), file)
  if (file.size(file) != dump$bytes) {
    unlink(file)
    stop(dump$filename, " was cut off")
  }
  file
}

# Encode parameters; NULL is left out, TRUE is `true`, and a vector is repeated.
entente_address <- function(service, path, parameters) {
  parameters <- parameters[!vapply(parameters, is.null, logical(1))]
  pairs <- unlist(lapply(names(parameters), function(name) {
    values <- parameters[[name]]
    if (is.logical(values)) values <- tolower(as.character(values))
    values <- if (is.numeric(values)) format(values, scientific = FALSE, trim = TRUE) else as.character(values)
    paste0(name, "=", vapply(enc2utf8(values), utils::URLencode, "", reserved = TRUE))
  }))
  query <- if (length(pairs) == 0) "" else paste0("?", paste(pairs, collapse = "&"))
  paste0(service$url, path, query)
}

entente_read_text <- function(service, address) {
  file <- tempfile(fileext = ".json")
  on.exit(unlink(file))
  entente_download(service, address, file)
  text <- readChar(file, file.size(file), useBytes = TRUE)
  Encoding(text) <- "UTF-8"
  text
}

entente_read_csv <- function(service, address) {
  file <- tempfile(fileext = ".csv")
  on.exit(unlink(file))
  entente_download(service, address, file)
  rows <- utils::read.csv(
    file, na.strings = "", encoding = "UTF-8", colClasses = "character", check.names = FALSE
  )
  # A text that a spreadsheet would take for a formula has an apostrophe before it.
  rows[] <- lapply(rows, function(cells) sub("^'(?='*[-=+@\t\r\n])", "", cells, perl = TRUE))
  numbers <- c("intensity", "location_lat", "location_lon")
  integers <- c("quad", "independent_sources", "revision")
  for (name in intersect(numbers, names(rows))) rows[[name]] <- as.numeric(rows[[name]])
  for (name in intersect(integers, names(rows))) rows[[name]] <- as.integer(rows[[name]])
  for (name in intersect(c("start", "end"), names(rows))) rows[[name]] <- as.Date(rows[[name]])
  if ("recorded_at" %in% names(rows)) {
    rows$recorded_at <- as.POSIXct(rows$recorded_at, format = "%Y-%m-%dT%H:%M:%OSZ", tz = "UTC")
  }
  rows
}

# Download an address, and again where the service is busy. Base R does not show the body of a
# refusal, so that the message has its status and where it is explained.
entente_download <- function(service, address, file) {
  headers <- if (is.null(service$key)) NULL else c(Authorization = paste("Bearer", service$key))
  pause <- 0.5
  begun <- paste0(file, ".part")
  on.exit(unlink(begun))
  for (attempt in seq_len(service$attempts)) {
    message <- tryCatch({
      utils::download.file(address, begun, method = "libcurl", mode = "wb", quiet = TRUE, headers = headers)
      NULL
    }, error = conditionMessage, warning = conditionMessage)
    if (is.null(message)) {
      file.rename(begun, file)
      return(invisible(file))
    }
    answered <- entente_read_status(address)
    if (is.na(answered$status) && attempt < service$attempts) {
      Sys.sleep(min(pause, service$longest_pause))
    } else if (answered$status %in% c(429, 502, 503, 504) && attempt < service$attempts &&
               answered$pause <= service$longest_pause) {
      Sys.sleep(if (answered$pause > 0) answered$pause else min(pause, service$longest_pause))
    } else if (is.na(answered$status)) {
      stop("the service does not answer: ", message, call. = FALSE)
    } else {
      stop(
        "the service answered with ", answered$status, "; open ", address,
        " to read what is wrong and what to ask instead", call. = FALSE
      )
    }
    pause <- pause * 2
  }
}

entente_read_status <- function(address) {
  lines <- tryCatch(curlGetHeaders(address), error = function(error) character())
  if (length(lines) == 0) return(list(status = NA, pause = 0))
  named <- grep("^retry-after: *[0-9]+", lines, ignore.case = TRUE, value = TRUE)
  pause <- if (length(named) == 0) 0 else as.numeric(sub("[^0-9]*([0-9]+).*", "\\1", named[1]))
  list(status = attr(lines, "status"), pause = pause)
}
