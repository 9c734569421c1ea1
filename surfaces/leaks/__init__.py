"""Reports of leaked credentials from others' scanners."""
