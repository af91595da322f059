# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Which profile is for this PC? Sourced by the hooks of FOG and Clonezilla; bash alone, because FOG's
# client system has little else. Defines functions only.
#
#	w7prep_choose ARGUMENT RULES HOST MACS IMAGE
#		Sets $w7prep_chosen (a profile's name) and $w7prep_chosen_by (who said so). The first
#		that says something: ARGUMENT (value of the kernel argument w7prep_profile=, may be
#		empty), the file RULES, its "default" line. Status 1: $w7prep_problem says why; 2: the
#		same, because no rule fits this PC.
#	w7prep_profile_file DIR NAME
#		Sets $w7prep_profile_path to the file of that profile below DIR. Status 1 as above.
#
# The file of rules, one a line, the first that fits wins (# begins a comment):
#
#	host    PATTERN PROFILE		host name, without case
#	mac     PATTERN PROFILE		any of the PC's; written with : or - or neither
#	image   PATTERN PROFILE		name of the image
#	default PROFILE			where none fits
#
# * and ? stand for any characters in a pattern. Names of profiles are what a kernel argument can
# carry through all imaging systems: letters, digits and . _ : , / -

w7prep_chosen='' w7prep_chosen_by='' w7prep_problem='' w7prep_profile_path=''

w7prep_name_ok() { # NAME: of a profile, and no way out of the profiles' directory
	local ok='^[A-Za-z0-9._:,][A-Za-z0-9._:,/-]*$'
	[[ $1 =~ $ok && /$1/ != */../* ]]
}

# The part of a network address that matters in a comparison.
w7prep_plain_mac() {
	local mac=${1,,}
	printf '%s' "${mac//[:-]/}"
}

w7prep_fits() { # WHAT PATTERN HOST MACS IMAGE
	local mac pattern=${2,,}
	# the pattern was checked: no brackets in it, so only * and ? are special
	# shellcheck disable=SC2053
	case $1 in
	host) [[ -n $3 && ${3,,} == $pattern ]] ;;
	image) [[ -n $5 && ${5,,} == $pattern ]] ;;
	mac)
		pattern=$(w7prep_plain_mac "$2")
		for mac in $4; do
			[[ $(w7prep_plain_mac "$mac") == $pattern ]] && return 0
		done
		return 1
		;;
	esac
}

# Every line is looked at: a mistake shows on each PC, not only on those that get that far.
w7prep_read_rules() { # RULES HOST MACS IMAGE
	local line what pattern profile rest number=0 fallback='' fallback_line=0
	local pattern_ok='^[A-Za-z0-9._:*?+@-]+$'
	while IFS= read -r line || [[ -n $line ]]; do
		number=$((number + 1))
		[[ $number -ne 1 ]] || line=${line#$'\xef\xbb\xbf'}
		line=${line%$'\r'}
		line=${line%%#*}
		IFS=$' \t' read -r what pattern profile rest <<<"$line"
		case $what in
		'') continue ;;
		default)
			rest=$profile profile=$pattern pattern=
			[[ -z $fallback ]] || rest=twice
			;;
		host | mac | image) ;;
		*)
			w7prep_problem="$1:$number: '$what' is none of host, mac, image, default"
			return 1
			;;
		esac
		if [[ -n $rest ]] || ! w7prep_name_ok "$profile" ||
		    [[ $what != default && ! $pattern =~ $pattern_ok ]]; then
			w7prep_problem="$1:$number: not '$what ${pattern:+PATTERN }PROFILE' (letters, digits, . _ : , / - and * ? in patterns; one default)"
			return 1
		fi
		if [[ $what == default ]]; then
			fallback=$profile fallback_line=$number
		elif [[ -z $w7prep_chosen ]] && w7prep_fits "$what" "$pattern" "$2" "$3" "$4"; then
			w7prep_chosen=$profile w7prep_chosen_by="$1:$number ($what $pattern)"
		fi
	done <"$1"
	[[ -n $w7prep_chosen || -z $fallback ]] ||
		{ w7prep_chosen=$fallback w7prep_chosen_by="$1:$fallback_line (default)"; }
}

# shellcheck disable=SC2034 # what it sets is read by the hooks
w7prep_choose() { # ARGUMENT RULES HOST MACS IMAGE
	w7prep_chosen='' w7prep_chosen_by='' w7prep_problem=''
	if [[ -n $1 ]]; then
		if ! w7prep_name_ok "$1"; then
			w7prep_problem="kernel argument w7prep_profile: not the name of a profile (letters, digits, . _ : , / -)"
			return 1
		fi
		w7prep_chosen=$1 w7prep_chosen_by='kernel argument w7prep_profile'
		return 0
	fi
	if [[ ! -r $2 ]]; then
		w7prep_problem="no kernel argument w7prep_profile, and $2 cannot be read"
		return 1
	fi
	w7prep_read_rules "$2" "$3" "$4" "$5" || { w7prep_chosen='' && return 1; }
	[[ -z $w7prep_chosen ]] || return 0
	w7prep_problem="$2: no rule fits host '$3', image '$5', and there is no default"
	return 2
}

w7prep_profile_file() { # DIR NAME
	w7prep_profile_path=
	if w7prep_name_ok "$2"; then
		for w7prep_profile_path in "$1/$2" "$1/$2.ini"; do
			[[ ! -f $w7prep_profile_path ]] || return 0
		done
	fi
	w7prep_profile_path=
	# shellcheck disable=SC2034 # read by the hooks
	w7prep_problem="there is no profile '$2' in $1"
	return 1
}
